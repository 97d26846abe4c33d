// The two owners: pauses, deaths, takeovers, and what an owner does with each job.
package main

// Steps of both owners.
func (x *stepper) owners() {
	for o := 0; o < 2; o++ {
		if !x.ownerLife(o) {
			continue
		}
		x.ownerTakeover(o)
		if x.ownerNotices(o) {
			for j := 0; j < J; j++ {
				x.ownerJob(o, j)
			}
		}
	}
}

// It wakes up, is paused, dies. False while it is paused: then it does nothing else.
func (x *stepper) ownerLife(o int) bool {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
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
		return false
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
	return true
}

// The steps of a takeover, and of moving its own fence.
func (x *stepper) ownerTakeover(o int) {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
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
}

// It loses its lease, or its memory of what is done. False when it owns nothing.
func (x *stepper) ownerNotices(o int) bool {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	if s.Bel[o] == 0 {
		return false
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
	return true
}

// What it does with one job, by what it remembers of it.
func (x *stepper) ownerJob(o, j int) {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	sd := sh(j)
	if s.Bel[o]>>sd&1 == 0 || s.Tk[o][sd] >= 1 && s.Tk[o][sd] <= 3 {
		return
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
