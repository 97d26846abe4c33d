// NATS wiped; recovery and the orphan check; and accidents: a record removed behind our back, a restored backup, a stalled purge.
package main

// NATS loses everything.
func (x *stepper) wipe() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	if use(&n, bWipe) {
		n.Q = Q{}
		n.ActBy = [J]uint8{}
		n.DD = 0
		n.DDI = 0
		n.Rec = 1
		n.Rs = [M]uint8{}
		n.Cause |= cWipe
		n.Bs = [J]uint8{}
		n.Cl, n.ClCfg, n.ClStep, n.ClDone, n.ClHeld = [2]uint8{}, [2]uint8{}, [2]uint8{}, [2]uint8{}, [2]uint8{}
		for o := 0; o < 2; o++ {
			n.Mem[o] = [J]uint8{}
			n.KV[o] = [J]uint8{}
			n.Done[o] = 0
			if p.LoadJ {
				for j := 0; j < J; j++ {
					if jterm(&s, j) {
						n.Done[o] |= 1 << fin(j)
					}
				}
			}
		}
		n.Os = [M]uint8{}
		add(n, false, "NATS is WIPED (owners reload, find empty streams)")
	}
}

// Steps of recovery, or of the orphan check.
func (x *stepper) recovery() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	inQueue := func(m int) bool {
		if s.Q.Inc[m] != 0 {
			return true
		}
		for j := m * R * V; j < (m+1)*R*V; j++ {
			if s.Q.Act[j] != 0 || s.Q.Def[j] != 0 || s.Q.Bnc[j] != 0 {
				return true
			}
		}
		return false
	}
	masks := func(m int) (d, h uint8) {
		for i := 0; i < R*V; i++ {
			j := m*R*V + i
			if jterm(&s, j) {
				d |= 1 << i
			}
			if s.Jr[j]&(jHold|jRel) == jHold {
				h |= 1 << i
			}
		}
		for r := 0; r < p.Rc; r++ {
			if complete(&s, m, r) {
				d |= 3 << (r * V)
			}
		}
		return
	}
	if s.Rec == 1 {
		all := true
		for m := 0; m < p.Msgs; m++ {
			n = s
			if s.Rs[m] == 0 {
				all = false
				n.Rs[m] = 1
				n.RsDone[m], n.RsHeld[m] = masks(m)
				if mcomplete(&s, m) || !body(&s, m) {
					n.Rs[m] = 2
				}
				add(n, true, "recovery reads spool and journal for m%d: done=%b held=%b", m, n.RsDone[m], n.RsHeld[m])
			} else if s.Rs[m] == 1 {
				all = false
				n.Rs[m] = 2
				if !inQueue(m) {
					n.Q.Inc[m] = 1
					n.Q.IncDone[m] = s.RsDone[m] | 0x80
					n.Q.IncHeld[m] = s.RsHeld[m]
					add(n, true, "recovery re-enqueues m%d", m)
				} else {
					add(n, true, "recovery: m%d is queued", m)
				}
			}
		}
		if all {
			n = s
			n.Rec = 0
			n.RsDone, n.RsHeld = [M]uint8{}, [M]uint8{}
			add(n, true, "recovery done")
		}
	} else if p.Orphan {
		for m := 0; m < p.Msgs; m++ {
			if s.Seg[m] == 0 || s.Ing[m] < 4 {
				continue
			}
			inc := s.Q.Inc[m] != 0
			act := false
			for j := m * R * V; j < (m+1)*R*V; j++ {
				if s.Q.Act[j] != 0 || s.Q.Def[j] != 0 || s.Q.Bnc[j] != 0 || s.Bs[j] != 0 {
					act = true
				}
				for o := 0; o < 2; o++ {
					if s.Mem[o][j] != 0 && s.Mem[o][j] != mOKj {
						act = true
					}
				}
			}
			a, b := act, inc
			if p.Flow {
				a, b = inc, act
			}
			n = s
			switch s.Os[m] {
			case 0:
				if !a {
					n.Os[m] = 1
					add(n, !mcomplete(&s, m) && !(p.Dedup && !p.Fresh && s.DDI>>m&1 == 1), "orphan check m%d: first place empty", m)
				}
			case 1:
				if b {
					n.Os[m] = 0
				} else {
					n.Os[m] = 2
				}
				add(n, true, "orphan check m%d: second place %v", m, b)
			case 2:
				n.Os[m] = 0
				if !mcomplete(&s, m) {
					if p.Dedup && !p.Fresh && s.DDI>>m&1 == 1 {
						add(n, true, "orphan check re-enqueues m%d: server says duplicate", m)
						break
					}
					d, h := masks(m)
					n.Q.Inc[m] = 1
					n.Q.IncDone[m] = d | 0x80
					n.Q.IncHeld[m] = h
					n.Bad |= 0
					add(n, true, "orphan check re-enqueues m%d", m)
				} else {
					add(n, true, "orphan check: m%d complete", m)
				}
			}
		}
	}
}

// What somebody else does to NATS.
func (x *stepper) accidents() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	if p.RM {
		for j := 0; j < J; j++ {
			if s.Q.Act[j] != 0 && s.ActBy[j] == 0 {
				n = s
				if use(&n, bX) {
					n.Q.Act[j] = 0
					add(n, false, "a test removes ACTIVE record j%d behind our back", j)
				}
			}
		}
	}
	if p.Backup {
		n = s
		if s.BkSet == 0 {
			n.BkSet = 1
			n.Bk = s.Q
			add(n, false, "backup of NATS is taken")
		} else if use(&n, bX) {
			n.Q = s.Bk
			n.BkSet = 2
			n.ActBy = [J]uint8{}
			n.Cause |= cRestore
			n.Cl, n.ClCfg, n.ClStep, n.ClDone, n.ClHeld = [2]uint8{}, [2]uint8{}, [2]uint8{}, [2]uint8{}, [2]uint8{}
			n.Bs = [J]uint8{}
			for m := 0; m < M; m++ {
				if n.Q.Inc[m] == 2 {
					n.Q.Inc[m] = 1
				}
			}
			for o := 0; o < 2; o++ {
				b := n.Bel[o]
				dropAll(&n, o)
				for sd := 0; sd < 2; sd++ {
					if b>>sd&1 == 1 && s.Lease[sd] == uint8(o) {
						take(&n, o, sd)
					}
				}
			}
			if p.Behind {
				n.Q = Q{}
				n.Rec = 1
				n.Rs = [M]uint8{}
				for o := 0; o < 2; o++ {
					n.Mem[o] = [J]uint8{}
					n.KV[o] = [J]uint8{}
				}
			}
			add(n, false, "NATS is restored from the backup (identity matches), owners reload")
		}
	}
	if p.Purge {
		n = s
		if s.Pg == 0 {
			hasAct := false
			for j := 0; j < J; j++ {
				if s.Q.Act[j] != 0 {
					hasAct = true
				}
			}
			if !hasAct && s.Ing[0] >= 4 {
				n.Pg = 1
				add(n, false, "a process reads the ack floor, is about to purge ACTIVE below it (and stalls)")
			}
		} else if s.Pg == 1 && s.Cause&cWipe != 0 {
			n.Pg = 2
			if !p.Gen {
				n.Q.Act = [J]uint8{}
				n.ActBy = [J]uint8{}
			}
			add(n, true, "the stalled purge{seq} of the old stream reaches the new stream")
		}
	}
}
