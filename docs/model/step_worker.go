// The two workers and bounce as a transport: deliver, report, repeat until an owner answers, die.
package main

// Steps of the workers.
func (x *stepper) workers() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	for w := 0; w < 2; w++ {
		for j := 0; j < J; j++ {
			st := s.Wk[w][j]
			if st == 0 {
				continue
			}
			m := j / (R * V)
			f := fin(j)
			n = s
			if use(&n, bCrashW) {
				n.Wk[w][j] = 0
				n.WD[w][j] = 0
				n.Cause |= cCrash
				add(n, false, "worker%d dies holding j%d (state %d)", w, j, st)
			}
			n = s
			switch st {
			case 1:
				if !body(&s, m) {
					set := jterm(&s, j) || complete(&s, m, j/V%R)
					if p.Settled && set {
					} else if set {
						n.Bad |= 16
					} else {
						n.Bad |= 1
					}
					n.Wk[w][j] = 2
					add(n, true, "worker%d: body of j%d is gone", w, j)
				} else {
					n.Wk[w][j] = 2
					if n.Dl[f] < 3 {
						n.Dl[f]++
					}
					if s.HeldOK[j] == 1 || s.HeldOK[j^1] == 1 {
						n.Bad |= 32
					}
					add(n, true, "worker%d DELIVERS j%d (final %d)", w, j, f)
					n = s
					if use(&n, bTemp) {
						n.Wk[w][j] = 3
						add(n, false, "worker%d: j%d gets 4xx", w, j)
					}
					n = s
					if use(&n, bPerm) {
						n.Wk[w][j] = 4
						add(n, false, "worker%d: j%d gets 5xx", w, j)
					}
				}
			case 2, 3, 4:
				to := -1
				if p.Shard {
					to = int(s.Lease[sh(j)])
				} else if s.WD[w][j] != 3 {
					to = int(s.WD[w][j]) - 1
				}
				if to < 0 {
					n.Wk[w][j] = 0
					n.WD[w][j] = 0
					add(n, true, "worker%d: outcome of j%d has no receiver (owner dead), dropped", w, j)
					break
				}
				if s.Paused>>to&1 == 1 {
					break
				}
				if p.EpRec && p.Shard && (s.Bel[to]>>sh(j)&1 == 0 || s.Tk[to][sh(j)] >= 1 && s.Tk[to][sh(j)] <= 3 || s.Mem[to][j] == mFly) {
					break
				} // repeats until an owner answers
				n.Wk[w][j] = 0
				n.WD[w][j] = 0
				known := s.Mem[to][j] == mDisp
				nm := map[uint8]uint8{2: mOK, 3: mTemp, 4: mPerm}[st]
				if known {
					n.Mem[to][j] = nm
					if p.AckJ && st == 2 {
						n.Wk[w][j] = 5
						n.WD[w][j] = uint8(to + 1)
					}
				} else if p.Shard && st == 2 && (s.Mem[to][j] == 0 || s.Mem[to][j] == mReady || s.Mem[to][j] == mDef) && s.Bel[to] != 0 {
					n.Mem[to][j] = mOK
					if p.AckJ {
						n.Wk[w][j] = 5
						n.WD[w][j] = uint8(to + 1)
					}
				} else if s.Mem[to][j] == mDisp {
					n.Mem[to][j] = nm
				}
				add(n, true, "worker%d reports outcome %d of j%d to owner%d (%v)", w, st, j, to, known)
			case 6:
				if jterm(&s, j) {
					n.Wk[w][j] = 7
					add(n, true, "bounce%d: j%d settled already", w, j)
					break
				}
				if !body(&s, m) {
					n.Bad |= 1
				}
				if s.Dl[f] > 0 {
					n.Bad |= 0
				}
				if n.Dsn[j] < 3 {
					n.Dsn[j]++
				}
				if p.Settles {
					n.Jr[j] |= jBounced
				}
				n.Wk[w][j] = 7
				add(n, true, "bounce%d: DSN for j%d in spool and INCOMING", w, j)
			case 7:
				to := int(s.Lease[sh(j)])
				if s.Paused>>to&1 == 1 || s.Bel[to] == 0 {
					break
				}
				if p.EpRec && (s.Bel[to]>>sh(j)&1 == 0 || s.Tk[to][sh(j)] >= 1 && s.Tk[to][sh(j)] <= 3 || s.Mem[to][j] == mFly) {
					break
				}
				if s.Mem[to][j] == mBOK || s.Mem[to][j] == mOKj || s.Mem[to][j] == mOK {
					break
				}
				n.Mem[to][j] = mBOK
				n.Wk[w][j] = 8
				n.WD[w][j] = uint8(to + 1)
				add(n, true, "bounce%d reports j%d to owner%d", w, j, to)
			case 8:
				if o := int(s.WD[w][j]) - 1; o >= 0 && o < 2 && s.Mem[o][j] != mBOK {
					n.Wk[w][j] = 7
					add(n, true, "bounce%d repeats outcome of j%d", w, j)
				}
			case 5: // waits for the journal
				if int(s.WD[w][j])-1 >= 0 && s.WD[w][j] < 3 {
					o := int(s.WD[w][j]) - 1
					if s.Mem[o][j] != mOK {
						n.Wk[w][j] = 2
						add(n, true, "worker%d repeats outcome of j%d", w, j)
					}
				}
			}
		}
	}
}
