// Lease, fence and epoch of a shard: what owners, DEFER writes and restores share.
package main

// True when the server, or the reach of the design, lets the owner write to DEFER.
func fence(n *S, o, j int) bool {
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

// The owner forgets everything.
func dropAll(n *S, o int) {
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

// Deletes from DEFER: by sequence, which no header can fence, or idealised as fenced.
func delOK(n *S, o, j int) bool {
	if p.EpRec && p.DelSeq {
		return n.KV[o][j] == n.Q.Ver[j]
	}
	return fence(n, o, j)
}

// True when a worker refuses a dispatch or an acknowledgement: it has heard of a higher epoch.
func tokBad(n *S, o, sd int) bool {
	if !p.Tok {
		return false
	}
	if p.EpRec {
		return n.OEp[o][sd] < n.Hd[sd]
	}
	return n.Lease[sd] != uint8(o)
}

// The workers hear of the epoch.
func hear(n *S, o, sd int) {
	if p.EpRec && n.OEp[o][sd] > n.Hd[sd] {
		n.Hd[sd] = n.OEp[o][sd]
	}
}

// The owner reads DEFER and the journal.
func scan(n *S, o, sd int) {
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

// The owner takes the lease.
func take(n *S, o, sd int) {
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

// What the job was in memory before its DEFER write was sent.
func src(code uint8) uint8 { return [5]uint8{0, mTemp, mHoldA, mRelR, mPerm}[code] }
