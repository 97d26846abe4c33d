// Breadth-first search over all states of a scenario, by two workers, or with full states and traces.
package main

import (
	"fmt"
	"hash/maphash"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// What a run found: how many states there are, whether it was cut short, and every kind of violation once.
type result struct {
	states int
	cut    bool
	found  []string
}

// Explores one scenario to its end; prints a line about it, and with verbose a shortest trace to every kind of violation.
func run(sc P, verbose bool) result {
	p = sc
	t0 := time.Now()
	var init S
	for b, n := range p.Budget {
		init.B[b] = n
	}
	if p.TwoShards {
		init.Lease = [2]uint8{0, 1}
		init.Bel = [2]uint8{1, 2}
	} else {
		init.Bel = [2]uint8{1, 0}
	}
	if p.EpRec {
		init.Ec[0], init.Hd[0], init.OEp[0][0], init.Q.Ep[0] = 1, 1, 1, 1
		if p.TwoShards {
			init.Ec[1], init.Hd[1], init.OEp[1][1], init.Q.Ep[1] = 1, 1, 1, 1
		}
	}
	found := map[string]int32{}
	order := []string{}
	max := p.Max
	if max == 0 {
		max = 6_000_000
	}
	if p.EpRec {
		max = 200_000_000
	}
	trunc := false
	reach := [5]int{}
	trace = false
	count := 0
	note := func(s *S, normal int, i int32) (stop bool) {
		if s.Dl[0] > 0 && s.Seg[0] == 0 && s.Ing[0] == 4 {
			reach[0]++
		}
		if s.Dsn[0] > 0 && s.Seg[0] == 0 {
			reach[1]++
		}
		if s.Cause&cWipe != 0 && s.Rec == 0 && s.Dl[0] > 0 {
			reach[2]++
		}
		if s.Bel[0] != 0 && s.Bel[1] != 0 {
			reach[3]++
		}
		if normal == 0 {
			reach[4]++
		}
		for _, v := range check(s, normal) {
			k := strings.Fields(v)[0]
			if p.Want != nil && !p.Want[k] {
				continue
			}
			if _, ok := found[k]; !ok {
				found[k] = i
				order = append(order, v)
			}
			if k == "SEG" || k == "LOST" || k == "HELD" || k == "STUCK" || k == "CORR" {
				stop = true
			}
		}
		return
	}
	var states []S
	var par []int32
	if verbose {
		seen := map[S]int32{init: 0}
		states = []S{init}
		par = []int32{-1}
		for i := 0; i < len(states); i++ {
			s := states[i]
			nx, normal := succ(&s)
			if note(&s, normal, int32(i)) {
				continue
			}
			if len(states) > max {
				trunc = true
				continue
			}
			for _, e := range nx {
				if _, ok := seen[e.s]; !ok {
					seen[e.s] = int32(len(states))
					states = append(states, e.s)
					par = append(par, int32(i))
				}
			}
		}
		count = len(states)
	} else { // 64-bit hashes instead of states, two workers: for the large runs
		seed := maphash.MakeSeed()
		key := func(s *S) uint64 {
			h := maphash.Bytes(seed, unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s)))
			if h == 0 {
				h = 1
			}
			return h
		}
		seen := newSet()
		seen.add(key(&init))
		front := []S{init}
		var mu sync.Mutex
		const W = 2
		for len(front) > 0 {
			var next [W][]S
			var at atomic.Int64
			var wg sync.WaitGroup
			for w := 0; w < W; w++ {
				wg.Add(1)
				go func(w int) {
					defer wg.Done()
					for {
						i0 := int(at.Add(1024)) - 1024
						if i0 >= len(front) {
							return
						}
						for i := i0; i < min(i0+1024, len(front)); i++ {
							nx, normal := succ(&front[i])
							mu.Lock()
							stop := note(&front[i], normal, 0)
							mu.Unlock()
							if stop {
								continue
							}
							if seen.n.Load() > int64(max) {
								trunc = true
								continue
							}
							for k := range nx {
								if seen.add(key(&nx[k].s)) {
									next[w] = append(next[w], nx[k].s)
								}
							}
						}
					}
				}(w)
			}
			wg.Wait()
			front = append(next[0], next[1]...)
		}
		count = int(seen.n.Load())
	}
	res := result{count, trunc, order}
	if silent || quiet && len(order) == 0 {
		return res
	}
	fmt.Printf("== %-34s states %8d%s  %.1fs  [del+gc %d, dsn+gc %d, wiped+delivered %d, two owners %d, quiescent %d] violations: %s\n", p.Name, count, map[bool]string{true: " (cut)", false: ""}[trunc], time.Since(t0).Seconds(), reach[0], reach[1], reach[2], reach[3], reach[4], strings.Join(order, " | "))
	if !verbose {
		return res
	}
	trace = true
	ks := []string{}
	for k := range found {
		ks = append(ks, k)
	}
	sort.Strings(ks)
	for _, k := range ks {
		var path []int32
		for i := found[k]; i >= 0; i = par[i] {
			path = append(path, i)
		}
		fmt.Printf("  -- %s (%d steps)\n", k, len(path)-1)
		for i := len(path) - 2; i >= 0; i-- {
			nx, _ := succ(&states[path[i+1]])
			for _, e := range nx {
				if e.s == states[path[i]] {
					fmt.Printf("     %2d %s\n", len(path)-1-i, e.l)
					break
				}
			}
		}
	}
	trace = false
	return res
}
