// The keeper: garbage, survivors, compaction.
package main

// Steps of the keeper.
func (x *stepper) keeper() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	for m := 0; m < p.Msgs; m++ {
		if p.GC && s.Rec == 0 && s.Seg[m] == 1 && s.Ing[m] >= 4 {
			n = s
			if s.Kp[m]&1 == 0 {
				ok := true
				if !p.GCj {
					for sd := 0; sd < 2; sd++ {
						o := s.Lease[sd]
						if sd == 1 && !p.TwoShards {
							continue
						}
						if s.Paused>>o&1 == 1 {
							ok = false
						}
						for j := 0; j < J; j++ {
							if sh(j) == sd && j/(R*V) == m && s.Mem[o][j] != 0 {
								ok = false
							}
						}
					}
				}
				if ok {
					n.Kp[m] |= 1
					add(n, true, "keeper: every owner says it holds no job of m%d", m)
				}
			}
			n = s
			if s.Kp[m]&2 == 0 && (p.GCj || s.Q.Inc[m] == 0) {
				n.Kp[m] |= 2
				add(n, true, "keeper: INCOMING holds no m%d", m)
			}
			n = s
			if s.Kp[m]&4 == 0 && mcomplete(&s, m) {
				n.Kp[m] |= 4
				add(n, true, "keeper: journal says m%d is complete", m)
			}
			n = s
			if s.Kp[m] == 7 {
				n.Seg[m] = 0
				n.Kp[m] = 0
				add(n, true, "keeper DELETES the segment of m%d", m)
			}
		}
		if p.Move && s.Seg[m] == 1 && s.Kmv[m] == 0 {
			n = s
			if use(&n, bX) {
				n.Kmv[m] = 1
				n.Moved[m] = 1
				add(n, false, "keeper copies survivor m%d to a new segment, then dies before the pointer", m)
			}
		}
		if p.Compact && s.Seg[m] == 0 && s.Ing[m] >= 4 && s.Compacted>>m&1 == 0 && mcomplete(&s, m) && !(p.CompSafe && (s.Moved[m] == 1 || busy(&s, m))) {
			n = s
			for j := m * R * V; j < (m+1)*R*V; j++ {
				n.Jr[j] = 0
			}
			n.Compacted |= 1 << m
			add(n, true, "keeper compacts the journal of m%d away", m)
		}
	}
}
