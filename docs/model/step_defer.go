// DEFER writes on their way: they land in any order, are refused, or get no answer and land late.
package main

// Steps of the writes in flight.
func (x *stepper) deferWrites() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	if p.EpRec {
		land := func(n *S, j int, fw uint8) bool { // the check that the server makes
			if n.Q.Ep[sh(j)] != fw>>3 && !p.NoFence {
				return false
			}
			n.Q.Def[j] = [5]uint8{0, 1, 2, 1, 3}[fw&7]
			if n.Q.Ver[j] < 7 {
				n.Q.Ver[j]++
			}
			return true
		}
		for o := 0; o < 2; o++ {
			for j := 0; j < J; j++ {
				fw := s.Fl[o][j]
				if fw == 0 {
					continue
				}
				sd := sh(j)
				mine := s.Mem[o][j] == mFly && s.OEp[o][sd] == fw>>3
				n = s
				n.Fl[o][j] = 0
				if land(&n, j, fw) {
					if mine {
						n.KV[o][j] = n.Q.Ver[j]
						n.Mem[o][j] = [5]uint8{0, mTempW, mHoldW, mRelW, mBing}[fw&7]
					}
					add(n, true, "DEFER write %d of j%d by owner%d (epoch %d) is stored", fw&7, j, o, fw>>3)
				} else {
					if mine {
						dropAll(&n, o)
					}
					add(n, true, "DEFER write of j%d by owner%d (epoch %d) is refused, mine=%v", j, o, fw>>3, mine)
				}
				n = s
				if mine && s.Paused>>o&1 == 0 && s.GhJ == 0 && use(&n, bLost) {
					n.GhJ, n.GhW = uint8(j+1), fw
					n.Fl[o][j] = 0
					n.Mem[o][j] = src(fw & 7)
					if p.Refence {
						n.Tk[o][sd] = 4
					}
					add(n, false, "DEFER write of j%d by owner%d (epoch %d): no answer, it may still land", j, o, fw>>3)
				}
			}
		}
		if s.GhJ != 0 {
			n = s
			j := int(s.GhJ) - 1
			n.GhJ, n.GhW = 0, 0
			ok := land(&n, j, s.GhW)
			add(n, false, "late DEFER write %d of j%d (epoch %d) arrives, stored=%v", s.GhW&7, j, s.GhW>>3, ok)
		}
	}
}
