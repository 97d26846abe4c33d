// What must never be seen, and what must not be left when nothing can move any more.
package main

import (
	"fmt"
	"strings"
)

func check(s *S, normal int) []string {
	var v []string
	for m := 0; m < p.Msgs; m++ {
		if s.Ing[m] != 4 && s.Ing[m] != 6 {
			continue
		}
		for r := 0; r < p.Rc; r++ {
			ok := runDone(s, m, r, func(j int) bool { return fated(s, j) })
			if !ok {
				rec := body(s, m) && !complete(s, m, r)
				if s.Compacted>>m&1 == 1 {
					rec = false
					ok = true
				}
				for x := 0; x < V; x++ {
					j := jx(m, r, x)
					if s.Q.Bnc[j] != 0 || s.Bs[j] != 0 || s.Q.Def[j] == 3 || s.Mem[0][j] == mPermB || s.Mem[1][j] == mPermB || s.Wk[0][j] >= 6 || s.Wk[1][j] >= 6 {
						rec = true
					}
				}
				if !rec && !ok {
					v = append(v, fmt.Sprintf("LOST m%d r%d", m, r))
				}
				held := false
				for x := 0; x < V; x++ {
					if s.Q.Def[jx(m, r, x)] == 2 {
						held = true
					}
				}
				if normal == 0 && !held && !ok {
					v = append(v, fmt.Sprintf("STUCK m%d r%d", m, r))
				}
			}
		}
	}
	for j := 0; j < J; j++ {
		if s.Dl[j] > 1 {
			c := s.Cause
			if c == 0 {
				v = append(v, "DUP0 without any fault")
			} else if c&(cCrash|cLease|cWipe) == 0 {
				v = append(v, "DUPN without crash, lease change or wipe, cause "+causes(c))
			} else {
				v = append(v, "DUPC cause "+causes(c))
			}
		}
		if s.Dsn[j] > 0 && s.Dl[fin(j)] > 0 {
			v = append(v, "BOTH bounced and delivered, cause "+causes(s.Cause))
		}
		if s.Dsn[j] > 1 {
			v = append(v, "DSN2 same failure reported twice, cause "+causes(s.Cause))
		}
	}
	if s.Bad&4 != 0 {
		v = append(v, "DUPJ dispatched though the journal says delivered, cause "+causes(s.Cause))
	}
	if s.Bad&8 != 0 {
		v = append(v, "BOTHJ dispatched though BOUNCE or DSN exists, cause "+causes(s.Cause))
	}
	if s.Bad&32 != 0 {
		v = append(v, "HELDFLY an old attempt delivers after hold got OK, cause "+causes(s.Cause))
	}
	if s.Bad&16 != 0 {
		v = append(v, "CORR settled message looks corrupt (segment gone)")
	}
	if s.Bad&1 == 1 {
		v = append(v, "SEG deleted while a job needs it")
	}
	if s.Bad&2 == 2 {
		v = append(v, "HELD mail dispatched, cause "+causes(s.Cause))
	}
	return v
}
func causes(c uint8) string {
	n := []string{"crash", "lease", "wipe", "cfg", "pause", "pubTO", "hb", "restore"}
	var o []string
	for i, x := range n {
		if c>>i&1 == 1 {
			o = append(o, x)
		}
	}
	return strings.Join(o, "+")
}
