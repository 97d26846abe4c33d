// The set of states seen.
package main

import (
	"sync"
	"sync/atomic"
)

// set of 64-bit hashes: open addressing in 64 shards
type set struct {
	sh [64]struct {
		mu sync.Mutex
		t  []uint64
		n  int
	}
	n atomic.Int64
}

func newSet() *set {
	x := &set{}
	for i := range x.sh {
		x.sh[i].t = make([]uint64, 1024)
	}
	return x
}
func (x *set) add(h uint64) bool {
	s := &x.sh[h>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	put := func(t []uint64, h uint64) bool {
		m := uint64(len(t) - 1)
		for i := h & m; ; i = (i + 1) & m {
			if t[i] == h {
				return false
			}
			if t[i] == 0 {
				t[i] = h
				return true
			}
		}
	}
	if !put(s.t, h) {
		return false
	}
	s.n++
	x.n.Add(1)
	if s.n*10 > len(s.t)*7 {
		t := make([]uint64, 2*len(s.t))
		for _, v := range s.t {
			if v != 0 {
				put(t, v)
			}
		}
		s.t = t
	}
	return true
}
