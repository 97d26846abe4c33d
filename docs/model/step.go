// All steps that can follow a state: what each part of the pipeline may do next, and which fault may strike.
package main

import (
	"fmt"
)

type out struct {
	s S
	l string
}

func succ(s0 *S) (res []out, normal int) {
	add := func(n S, norm bool, f string, a ...any) {
		if n == *s0 {
			return
		}
		l := ""
		if trace {
			l = fmt.Sprintf(f, a...)
		}
		res = append(res, out{n, l})
		if norm {
			normal++
		}
	}
	s := *s0
	use := func(n *S, b int) bool {
		if n.B[b] == 0 {
			return false
		}
		n.B[b]--
		return true
	}
	for m := 0; m < p.Msgs; m++ {
		n := s
		if p.Retry && m == 1 && !(s.Ing[0] == 5) {
			goto noing
		}
		switch s.Ing[m] {
		case 0:
			n.Ing[m] = 2
			n.Seg[m] = 1
			add(n, true, "ingress: PUT segment of m%d", m)
			if p.LatePut {
				n = s
				if use(&n, bPubTO) {
					n.Ing[m] = 5
					n.Late[m] = 1
					n.Cause |= cPubTO
					if p.Void {
						n.Late[m] = 2
					}
					add(n, false, "ingress: PUT of m%d times out (still in flight), client gets 451", m)
				}
			}
		case 2:
			n.Ing[m] = 4
			n.Q.Inc[m] = 1
			n.Q.IncDone[m] = 0
			n.Q.IncHeld[m] = 0
			n.DDI |= 1 << m
			add(n, true, "ingress: publish INCOMING m%d, PubAck, 250", m)
			n = s
			if !p.LatePut && use(&n, bPubTO) {
				n.Cause |= cPubTO
				if p.Fix250 {
					n.Ing[m] = 6
					add(n, false, "ingress: no PubAck for m%d by the deadline: 250, keeps publishing", m)
				} else {
					n.Ing[m] = 5
					add(n, false, "ingress: publish of m%d fails, client gets 451", m)
					n.Q.Inc[m] = 1
					add(n, false, "ingress: publish of m%d stored but PubAck lost, client gets 451", m)
				}
			}
			n = s
			if use(&n, bCrashI) {
				n.Ing[m] = 5
				n.Cause |= cCrash
				add(n, false, "ingress dies after PUT of m%d; client retries", m)
			}
		case 6:
			n.Ing[m] = 4
			n.Q.Inc[m] = 1
			add(n, true, "ingress: late publish of m%d stored", m)
			n = s
			if use(&n, bCrashI) {
				n.Ing[m] = 4
				n.Cause |= cCrash
				add(n, false, "ingress dies before publishing m%d (250 given)", m)
			}
		}
	noing:
		n = s
		if s.Late[m] == 1 {
			n.Late[m] = 0
			n.Seg[m] = 1
			add(n, true, "object storage: the timed-out PUT of m%d takes effect", m)
		}
		// INCOMING redelivery
		if s.Q.Inc[m] == 2 {
			held := false
			for k := 0; k < 2; k++ {
				if s.Cl[k] == uint8(m+1) {
					held = true
				}
			}
			n = s
			if !held {
				n.Q.Inc[m] = 1
				add(n, true, "INCOMING redelivers m%d (ack_wait)", m)
			} else if p.ClPause && use(&n, bX) {
				n.Q.Inc[m] = 1
				n.Cause |= cPause
				if p.ClAge {
					for k := 0; k < 2; k++ {
						if s.Cl[k] == uint8(m+1) {
							n.Cl[k], n.ClCfg[k], n.ClStep[k], n.ClDone[k], n.ClHeld[k] = 0, 0, 0, 0, 0
						}
					}
				}
				add(n, false, "cleanup is paused beyond ack_wait: INCOMING redelivers m%d", m)
			}
		}
	}
	// cleanup
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
	n := s
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
	// owners
	fence := func(n *S, o, j int) bool {
		if p.NoFence {
			return true
		}
		if p.EpRec {
			sd := sh(j)
			return n.OEp[o][sd] != 0 && n.Q.Ep[sd] == n.OEp[o][sd]
		}
		if p.Epoch {
			return n.Lease[sh(j)] == uint8(o)
		}
		return n.KV[o][j] == n.Q.Ver[j]
	}
	dropAll := func(n *S, o int) {
		n.Bel[o] = 0
		n.Mem[o] = [J]uint8{}
		n.KV[o] = [J]uint8{}
		n.Done[o] = 0
		n.OEp[o], n.Tk[o], n.Rd[o] = [2]uint8{}, [2]uint8{}, [2]uint8{}
		for j := 0; j < J; j++ {
			if n.ActBy[j] == uint8(o+1) {
				n.ActBy[j] = 0
			}
		}
	}
	// deletes from DEFER: by sequence, which no header can fence, or idealised as fenced
	delOK := func(n *S, o, j int) bool {
		if p.EpRec && p.DelSeq {
			return n.KV[o][j] == n.Q.Ver[j]
		}
		return fence(n, o, j)
	}
	// a worker refuses a dispatch or an acknowledgement of a lower epoch than it has heard of
	tokBad := func(n *S, o, sd int) bool {
		if !p.Tok {
			return false
		}
		if p.EpRec {
			return n.OEp[o][sd] < n.Hd[sd]
		}
		return n.Lease[sd] != uint8(o)
	}
	hear := func(n *S, o, sd int) {
		if p.EpRec && n.OEp[o][sd] > n.Hd[sd] {
			n.Hd[sd] = n.OEp[o][sd]
		}
	}
	scan := func(n *S, o, sd int) {
		for j := 0; j < J; j++ {
			if sh(j) != sd {
				continue
			}
			n.KV[o][j] = n.Q.Ver[j]
			switch n.Q.Def[j] {
			case 1:
				n.Mem[o][j] = mDef
				if p.HoldO && n.Jr[j]&(jHold|jRel) == jHold {
					n.Jr[j] |= jRel
				}
			case 2:
				n.Mem[o][j] = mHeld
			case 3:
				n.Mem[o][j] = mBing
			}
			if p.LoadJ && jterm(n, j) {
				n.Done[o] |= 1 << fin(j)
				if n.Mem[o][j] == mDef {
					n.Mem[o][j] = mOKj
				}
			}
		}
	}
	take := func(n *S, o, sd int) {
		if p.Epoch && !p.TwoShards {
			dropAll(n, o)
		}
		n.Lease[sd] = uint8(o)
		n.Bel[o] |= 1 << sd
		if p.EpRec {
			n.Tk[o][sd] = 1
		} else {
			scan(n, o, sd)
		}
	}
	src := func(code uint8) uint8 { return [5]uint8{0, mTemp, mHoldA, mRelR, mPerm}[code] }
	for o := 0; o < 2; o++ {
		if s.Paused>>o&1 == 1 {
			n = s
			n.Paused &^= 1 << o
			if p.SelfF {
				for sd := 0; sd < 2; sd++ {
					if s.Bel[o]>>sd&1 == 1 && s.Lease[sd] != uint8(o) {
						dropAll(&n, o)
					}
				}
			}
			add(n, true, "owner%d resumes", o)
			for sd := 0; sd < 2; sd++ {
				if s.Bel[o]>>sd&1 == 1 && s.Lease[sd] == uint8(o) && s.Bel[1-o] == 0 && !p.TwoShards {
					n = s
					take(&n, 1-o, sd)
					n.Cause |= cLease
					add(n, true, "lease of shard %d expires, owner%d takes over", sd, 1-o)
				}
			}
			for j := 0; j < J; j++ {
				if s.ActBy[j] == uint8(o+1) {
					n = s
					n.ActBy[j] = 0
					add(n, true, "ACTIVE redelivers j%d (owner%d paused, ack_wait)", j, o)
				}
			}
			continue
		}
		n = s
		if s.Bel[o] != 0 && use(&n, bPause) {
			n.Paused |= 1 << o
			n.Cause |= cPause
			add(n, false, "owner%d is paused (SIGSTOP)", o)
		}
		n = s
		if s.Bel[o] != 0 && use(&n, bCrashO) {
			b := n.Bel[o]
			dropAll(&n, o)
			n.Cause |= cCrash | cLease
			for w := 0; w < 2; w++ {
				for j := 0; j < J; j++ {
					if s.Wk[w][j] != 0 && s.WD[w][j] == uint8(o+1) {
						n.WD[w][j] = 3
						if n.Wk[w][j] == 5 {
							n.Wk[w][j] = 2
						}
						if n.Wk[w][j] == 8 {
							n.Wk[w][j] = 7
						}
					}
				}
			}
			for sd := 0; sd < 2; sd++ {
				if b>>sd&1 == 1 && s.Lease[sd] == uint8(o) {
					if p.TwoShards {
						take(&n, o, sd)
					} else {
						take(&n, 1-o, sd)
					}
				}
			}
			add(n, false, "owner%d dies; its shard gets a new owner", o)
		}
		if p.EpRec {
			for sd := 0; sd < 2; sd++ {
				if sd == 1 && !p.TwoShards {
					continue
				}
				n = s
				if s.Bel[o]>>sd&1 == 0 {
					if s.Lease[sd] == uint8(o) {
						take(&n, o, sd)
						n.Cause |= cLease
						add(n, true, "owner%d takes the lease of shard %d anew", o, sd)
					}
					continue
				}
				switch s.Tk[o][sd] {
				case 1:
					if !p.NoCAS && s.Lease[sd] != uint8(o) {
						dropAll(&n, o)
						add(n, true, "owner%d: refresh of the lease fails, stops", o)
					} else {
						n.Rd[o][sd] = s.Q.Ep[sd]
						n.Tk[o][sd] = 2
						add(n, true, "owner%d reads _epoch (%d), then refreshes its lease", o, s.Q.Ep[sd])
					}
				case 2:
					n.Rd[o][sd] = 0
					if p.NoCAS || s.Q.Ep[sd] == s.Rd[o][sd] {
						n.Ec[sd]++
						n.Q.Ep[sd] = n.Ec[sd]
						n.OEp[o][sd] = n.Ec[sd]
						n.Tk[o][sd] = 3
						if !p.HdLate {
							hear(&n, o, sd)
						}
						add(n, true, "owner%d writes _epoch %d", o, n.Ec[sd])
					} else {
						n.Tk[o][sd] = 1
						add(n, true, "owner%d: CAS of _epoch refused, reads again", o)
					}
				case 3:
					n.Tk[o][sd] = 0
					scan(&n, o, sd)
					add(n, true, "owner%d scans DEFER, loads the journal", o)
				case 4:
					if s.Q.Ep[sd] == s.OEp[o][sd] {
						n.Ec[sd]++
						n.Q.Ep[sd] = n.Ec[sd]
						n.OEp[o][sd] = n.Ec[sd]
						n.Tk[o][sd] = 0
						if !p.HdLate {
							hear(&n, o, sd)
						}
						for j := 0; j < J; j++ {
							if sh(j) == sd && n.Mem[o][j] == mFly {
								n.Mem[o][j] = src(n.Fl[o][j] & 7)
							}
						}
						add(n, true, "owner%d fences its own earlier writes: _epoch %d", o, n.Ec[sd])
					} else {
						dropAll(&n, o)
						add(n, true, "owner%d: CAS of its _epoch refused (deposed), stops", o)
					}
				}
			}
		}
		if s.Bel[o] == 0 {
			continue
		}
		for sd := 0; sd < 2; sd++ {
			if s.Bel[o]>>sd&1 == 1 && s.Lease[sd] != uint8(o) {
				n = s
				dropAll(&n, o)
				add(n, true, "owner%d notices that its lease is lost, drops all", o)
			}
		}
		if p.DoneExp && s.Done[o] != 0 && !(p.ClAge && (s.Q.Inc[0] != 0 || s.Cl[0] != 0 || s.Cl[1] != 0 || s.Q.Act[0] != 0)) {
			n = s
			if use(&n, bX) {
				n.Done[o] = 0
				add(n, false, "owner%d: done set expires (5 min)", o)
			}
		}
		for j := 0; j < J; j++ {
			sd := sh(j)
			if s.Bel[o]>>sd&1 == 0 || s.Tk[o][sd] >= 1 && s.Tk[o][sd] <= 3 {
				continue
			}
			m := j / (R * V)
			mem := s.Mem[o][j]
			f := fin(j)
			if s.Q.Act[j] != 0 && s.ActBy[j] == 0 {
				n = s
				if s.Done[o]>>f&1 == 1 && mem == 0 {
					n.Q.Act[j] = 0
					add(n, true, "owner%d drops j%d: done already", o, j)
				} else if mem != 0 {
					if mem == mDef || mem == mHeld {
						n.Q.Act[j] = 0
						add(n, true, "owner%d drops ACTIVE copy of j%d", o, j)
					} else {
						n.ActBy[j] = uint8(o + 1)
						add(n, true, "owner%d gets j%d again", o, j)
					}
				} else {
					n.ActBy[j] = uint8(o + 1)
					n.Mem[o][j] = mReady
					n.KV[o][j] = s.Q.Ver[j]
					if !p.Epoch && s.Q.Ver[j] != 0 {
						n.KV[o][j] = s.Q.Ver[j]
					}
					if s.Q.Act[j] == 2 || p.HoldO && (s.Mem[o][j^1] == mHeld || s.Mem[o][j^1] == mHoldW || s.Mem[o][j^1] == mFly && s.Fl[o][j^1]&7 == 2) || p.HalfH && (s.Jr[j]&(jHold|jRel) == jHold || s.Jr[j^1]&(jHold|jRel) == jHold) {
						n.Mem[o][j] = mHoldA
					}
					add(n, true, "owner%d consumes j%d", o, j)
				}
			}
			setF := func(n *S, d uint8, nm uint8, l string) {
				if p.EpRec && s.Tk[o][sd] == 4 {
					return
				}
				if p.EpRec && p.Fly > 0 {
					fl := 0
					for i := 0; i < J; i++ {
						if s.Fl[o][i] != 0 && s.Mem[o][i] == mFly {
							fl++
						}
					}
					if fl >= p.Fly || s.Fl[o][j] != 0 {
						return
					}
					n.Fl[o][j] = map[uint8]uint8{mTempW: 1, mHoldW: 2, mRelW: 3, mBing: 4}[nm] | n.OEp[o][sd]<<3
					n.Mem[o][j] = mFly
					add(*n, true, "owner%d sends %s j%d (epoch %d)", o, l, j, n.OEp[o][sd])
					return
				}
				if fence(n, o, j) {
					n.Q.Def[j] = d
					if n.Q.Ver[j] < 7 {
						n.Q.Ver[j]++
					}
					n.KV[o][j] = n.Q.Ver[j]
					n.Mem[o][j] = nm
					add(*n, true, "owner%d: %s j%d", o, l, j)
				} else {
					dropAll(n, o)
					add(*n, true, "owner%d: write of j%d refused (deposed), stops", o, j)
				}
			}
			ackAct := func(n *S) { n.Q.Act[j] = 0; n.ActBy[j] = 0 }
			n = s
			switch mem {
			case mReady, mDef:
				if s.Done[o]>>f&1 == 1 && p.LoadJ {
					n.Mem[o][j] = mOKj
					add(n, true, "owner%d: j%d is done already", o, j)
					break
				}
				if p.Adopt && (s.Wk[0][j] != 0 || s.Wk[1][j] != 0 || p.SameFinal && false) {
					n = s
					n.Mem[o][j] = mDisp
					add(n, true, "owner%d adopts j%d: a worker has it in hand", o, j)
					break
				}
				if tokBad(&s, o, sd) {
					n = s
					dropAll(&n, o)
					add(n, true, "owner%d: dispatch of j%d refused by the worker (old epoch)", o, j)
					break
				}
				for w := 0; w < 2; w++ {
					if s.Wk[w][j] == 0 {
						n = s
						n.Wk[w][j] = 1
						n.WD[w][j] = uint8(o + 1)
						n.Mem[o][j] = mDisp
						hear(&n, o, sd)
						if s.Jr[j]&jDone != 0 || p.SameFinal && s.Jr[j^1]&jDone != 0 {
							n.Bad |= 4
						}
						if s.HeldOK[j] == 1 || s.HeldOK[j^1] == 1 {
							n.Bad |= 2
						}
						if s.Dsn[j] > 0 || s.Q.Bnc[j] != 0 {
							n.Bad |= 8
						}
						add(n, true, "owner%d dispatches j%d to worker%d", o, j, w)
						break
					}
				}
				n = s
				if (mem == mDef || s.Q.Def[j] == 0) && !(p.HoldO && (s.Wk[0][j^1] != 0 || s.Wk[1][j^1] != 0)) && use(&n, bHold) {
					if p.HoldO && (n.Mem[o][j^1] == mReady || n.Mem[o][j^1] == mDef) {
						n.Mem[o][j^1] = mHoldA
					}
					// hold: journal first under HoldO, else DEFER first
					if p.HoldO {
						n.Jr[j] = (n.Jr[j] | jHold) &^ jRel
					}
					setF(&n, 2, mHoldW, "admin hold: DEFER(held)")
				}
			case mHoldA:
				setF(&n, 2, mHoldW, "held job to DEFER")
			case mHoldW:
				n.Jr[j] = (n.Jr[j] | jHold) &^ jRel
				ackAct(&n)
				n.Mem[o][j] = mHeld
				n.HeldOK[j] = 1
				add(n, true, "owner%d: hold of j%d journalled, ACTIVE acked, admin gets OK", o, j)
			case mHeld:
				if p.Rel && use(&n, bX) {
					n.HeldOK[j] = 0
					setF(&n, 1, mRelW, "admin release: DEFER(deferred)")
				}
			case mRelR:
				setF(&n, 1, mRelW, "admin release again: DEFER(deferred)")
			case mRelW:
				n.Jr[j] |= jRel
				n.Mem[o][j] = mDef
				add(n, true, "owner%d: release of j%d journalled", o, j)
			case mDisp:
				alive := false
				for w := 0; w < 2; w++ {
					if s.Wk[w][j] != 0 {
						alive = true
					}
				}
				if !alive {
					n.Mem[o][j] = mReady
					add(n, true, "owner%d: no heartbeat for j%d, ready again", o, j)
				} else if use(&n, bHB) {
					n.Mem[o][j] = mReady
					n.Cause |= cHB
					if p.WFence {
						for w := 0; w < 2; w++ {
							if n.Wk[w][j] == 1 {
								n.Wk[w][j] = 0
							}
						}
					}
					add(n, false, "heartbeats of j%d are lost for 20 s (worker alive)", j)
				}
			case mOK:
				n.Jr[j] |= jDone
				n.Done[o] |= 1 << f
				n.Mem[o][j] = mOKj
				for w := 0; w < 2; w++ {
					if n.Wk[w][j] == 5 {
						if tokBad(&s, o, sd) {
							n.Wk[w][j] = 2
						} else {
							hear(&n, o, sd)
							n.Wk[w][j] = 0
							n.WD[w][j] = 0
						}
					}
				}
				add(n, true, "owner%d: journal flush of j%d", o, j)
			case mOKj:
				ackAct(&n)
				if delOK(&n, o, j) {
					n.Q.Def[j] = 0
				}
				n.Mem[o][j] = 0
				add(n, true, "owner%d acks/deletes j%d", o, j)
			case mTemp:
				setF(&n, 1, mTempW, "DEFER write")
			case mTempW:
				ackAct(&n)
				n.Mem[o][j] = mDef
				add(n, true, "owner%d acks ACTIVE j%d (deferred)", o, j)
			case mPerm:
				if p.Decide {
					setF(&n, 3, mBing, "DEFER(bouncing)")
				} else {
					n.Q.Bnc[j] = 1
					n.Mem[o][j] = mPermB
					add(n, true, "owner%d publishes BOUNCE j%d", o, j)
				}
			case mBing:
				if p.BT {
					if p.LoadJ && s.Done[o]>>f&1 == 1 {
						n.Mem[o][j] = mOKj
						add(n, true, "owner%d: j%d is settled already", o, j)
						break
					}
					if p.Adopt && (s.Wk[0][j] != 0 || s.Wk[1][j] != 0) {
						n.Mem[o][j] = mBDisp
						add(n, true, "owner%d adopts bounce of j%d", o, j)
						break
					}
					if tokBad(&s, o, sd) {
						dropAll(&n, o)
						add(n, true, "owner%d: bounce dispatch of j%d refused (old epoch)", o, j)
						break
					}
					for w := 0; w < 2; w++ {
						if s.Wk[w][j] == 0 {
							n.Wk[w][j] = 6
							n.WD[w][j] = uint8(o + 1)
							n.Mem[o][j] = mBDisp
							hear(&n, o, sd)
							add(n, true, "owner%d dispatches j%d to bounce%d", o, j, w)
							break
						}
					}
					break
				}
				n.Q.Bnc[j] = 1
				n.Mem[o][j] = mPermB
				add(n, true, "owner%d publishes BOUNCE j%d", o, j)
			case mBDisp:
				if s.Wk[0][j] == 0 && s.Wk[1][j] == 0 {
					n.Mem[o][j] = mBing
					add(n, true, "owner%d: bounce of j%d has no heartbeat", o, j)
				}
			case mBOK:
				n.Jr[j] |= jBounced
				n.Done[o] |= 1 << f
				n.Mem[o][j] = mOKj
				for w := 0; w < 2; w++ {
					if n.Wk[w][j] == 8 {
						if tokBad(&s, o, sd) {
							n.Wk[w][j] = 7
						} else {
							hear(&n, o, sd)
							n.Wk[w][j] = 0
							n.WD[w][j] = 0
						}
					}
				}
				add(n, true, "owner%d: journal flush of j%d (bounced)", o, j)
			case mPermB:
				if p.BJ {
					n.Done[o] |= 1 << f
					ackAct(&n)
					if delOK(&n, o, j) {
						n.Q.Def[j] = 0
					}
					n.Mem[o][j] = 0
					add(n, true, "owner%d removes j%d (bounce has it)", o, j)
				} else {
					n.Jr[j] |= jBounced
					n.Done[o] |= 1 << f
					n.Mem[o][j] = mPermJ
					add(n, true, "owner%d: journal flush of j%d (bounced)", o, j)
				}
			case mPermJ:
				ackAct(&n)
				if delOK(&n, o, j) {
					n.Q.Def[j] = 0
				}
				n.Mem[o][j] = 0
				add(n, true, "owner%d acks/deletes j%d (bounced)", o, j)
			}
			_ = m
		}
	}
	// DEFER writes on their way
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
	// workers
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
	// bounce
	for j := 0; j < J; j++ {
		m := j / (R * V)
		n = s
		if s.Q.Bnc[j] == 1 && s.Bs[j] == 0 {
			n.Bs[j] = 1
			add(n, true, "bounce takes j%d", j)
		}
		n = s
		switch s.Bs[j] {
		case 1:
			if p.Settled && jterm(&s, j) {
				n.Bs[j] = 3
				add(n, true, "bounce: j%d is settled, drops it", j)
				break
			}
			if !body(&s, m) {
				n.Bad |= 1
			}
			if !(p.DsnDet && s.Dsn[j] > 0) {
				if n.Dsn[j] < 3 {
					n.Dsn[j]++
				}
			}
			if p.Settles {
				n.Jr[j] |= jBounced
			}
			n.Bs[j] = 2
			add(n, true, "bounce: DSN for j%d in the spool", j)
		case 2:
			if p.BJ {
				n.Jr[j] |= jBounced
				n.Bs[j] = 3
				add(n, true, "bounce: journals j%d", j)
			} else {
				n.Bs[j] = 0
				n.Q.Bnc[j] = 0
				add(n, true, "bounce acks j%d", j)
			}
		case 3:
			n.Bs[j] = 0
			n.Q.Bnc[j] = 0
			add(n, true, "bounce acks j%d", j)
		}
		n = s
		if s.Bs[j] > 0 && use(&n, bCrashB) {
			n.Bs[j] = 0
			n.Cause |= cCrash
			add(n, false, "bounce dies with j%d", j)
		}
	}
	// keeper
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
	// wipe and recovery
	n = s
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
	return
}
