// Cleanup: a record becomes jobs, one original at a time; and what changes around it.
package main

import (
	"fmt"
)

// Steps of the two cleanups.
func (x *stepper) cleanup() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	for k := 0; k < 2; k++ {
		if s.Cl[k] == 0 {
			if k == 1 && !p.ClPause {
				continue
			}
			for m := 0; m < p.Msgs; m++ {
				if s.Q.Inc[m] == 1 {
					n := s
					n.Q.Inc[m] = 2
					n.Cl[k] = uint8(m + 1)
					n.ClCfg[k] = s.Cfg
					n.ClStep[k] = 0
					n.ClDone[k] = s.Q.IncDone[m]
					n.ClHeld[k] = s.Q.IncHeld[m]
					n.Runs |= 1 << (m*2 + int(s.Cfg))
					add(n, true, "cleanup%d takes m%d (config %d)", k, m, s.Cfg)
				}
			}
			continue
		}
		m := int(s.Cl[k]) - 1
		n := s
		if int(s.ClStep[k]) < p.Rc {
			r := int(s.ClStep[k])
			n.ClStep[k]++
			wr := ""
			for v := 0; v < V; v++ {
				if p.Exp[s.ClCfg[k]]>>v&1 == 0 {
					continue
				}
				j := jx(m, r, v)
				skip := s.ClDone[k]>>(r*V+v)&1 == 1 || p.SameFinal && s.ClDone[k]>>(r*V+(v^1))&1 == 1
				if skip {
					continue
				}
				if p.Dedup && s.DD>>j&1 == 1 && !(p.Fresh && s.ClDone[k]&0x80 != 0) {
					wr += fmt.Sprintf(" j%d:duplicate", j)
					continue
				}
				if n.Q.Act[j] == 0 {
					n.Q.Act[j] = 1
					n.ActBy[j] = 0
					h := s.ClHeld[k]>>(r*V+v)&1 == 1
					if p.HoldO {
						h = h || s.ClHeld[k]>>(r*V+(v^1))&1 == 1
					}
					if h {
						n.Q.Act[j] = 2
					}
				}
				n.DD |= 1 << j
				if trace {
					wr += fmt.Sprintf(" j%d", j)
				}
			}
			add(n, true, "cleanup%d writes ACTIVE job(s)%s of m%d r%d", k, wr, m, r)
		} else {
			n.Q.Inc[m] = 0
			n.Cl[k], n.ClCfg[k], n.ClStep[k], n.ClDone[k], n.ClHeld[k] = 0, 0, 0, 0, 0
			add(n, true, "cleanup%d acks INCOMING m%d", k, m)
		}
		n = s
		if use(&n, bCrashC) {
			n.Cl[k], n.ClCfg[k], n.ClStep[k], n.ClDone[k], n.ClHeld[k] = 0, 0, 0, 0, 0
			n.Cause |= cCrash
			add(n, false, "cleanup%d dies", k)
		}
	}
}

// The configuration changes; the duplicate window passes.
func (x *stepper) configuration() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	n = s
	if s.Cfg == 0 && use(&n, bCfg) {
		n.Cfg = 1
		n.Cause |= cCfg
		add(n, false, "configuration changes")
	}
	if p.Dedup && s.DD != 0 {
		n = s
		if use(&n, bX) {
			n.DD = 0
			n.DDI = 0
			add(n, false, "duplicate window passes")
		}
	}
}
