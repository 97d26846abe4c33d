package main

type B = map[int]uint8

func w(x ...string) map[string]bool {
	m := map[string]bool{}
	for _, s := range x {
		m[s] = true
	}
	return m
}

func fixed(q P) P {
	q.Name += " +FIX"
	q.Fix250, q.Epoch, q.BJ, q.Decide, q.GCj, q.HoldO, q.LoadJ, q.Shard, q.AckJ, q.SelfF, q.Fresh, q.Gen, q.WFence, q.Flow, q.DsnDet, q.Settled, q.Void, q.CompSafe = true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true
	q.KOrig = false
	q.Settles, q.Behind, q.ClAge, q.Adopt, q.BT, q.Tok = true, true, true, true, true, true
	if q.Budget[bCrashB] > 0 {
		q.Budget = B{bPerm: 1, bCrashO: 1, bCrashW: 1}
	}
	if len(q.Name) > 8 && q.Name[3:7] == "nosc" {
		q.SelfF = false
	}
	return q
}

func scenarios() []P {
	var o []P
	one := [2]uint8{1, 1}
	nexthop := [2]uint8{1, 2}
	base := []P{
		{Name: "00 no fault, 2 msgs", Msgs: 2, Rc: 1, Exp: one, GC: true},
		{Name: "01 publish times out after PUT", Msgs: 2, Rc: 1, Exp: one, Retry: true, GC: true, Budget: B{bPubTO: 1}},
		{Name: "02 publish TO + NATS wipe", Msgs: 2, Rc: 1, Exp: one, Retry: true, Budget: B{bPubTO: 1, bWipe: 1}},
		{Name: "03 PUT TO, late effect + wipe", Msgs: 2, Rc: 1, Exp: one, Retry: true, LatePut: true, Budget: B{bPubTO: 1, bWipe: 1}},
		{Name: "04 late INCOMING dup vs GC", Msgs: 1, Rc: 1, Exp: one, GC: true, ClPause: true, Budget: B{bX: 1}},
		{Name: "04b late INCOMING dup, done set expired", Msgs: 1, Rc: 1, Exp: one, GC: true, ClPause: true, DoneExp: true, Budget: B{bX: 2}},
		{Name: "05 cleanup crash+cfg nexthop, GC", Msgs: 1, Rc: 1, Exp: nexthop, SameFinal: true, TwoShards: true, GC: true, Budget: B{bCrashC: 1, bCfg: 1}},
		{Name: "06 alias change + fan-out, GC+wipe", Msgs: 1, Rc: 1, Exp: [2]uint8{3, 1}, GC: true, TwoShards: true, Budget: B{bTemp: 1, bCrashC: 1, bCfg: 1, bWipe: 1}},
		{Name: "07 fan-out keyed by original rcpt", Msgs: 1, Rc: 1, Exp: [2]uint8{3, 3}, GC: true, KOrig: true, Budget: B{bTemp: 1, bWipe: 1}},
		{Name: "08 deposed owner (pause) + 4xx", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 1, bTemp: 1}},
		{Name: "09 deposed owner (pause) + 5xx", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 1, bPerm: 1}},
		{Name: "10 5xx + wipe", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bPerm: 1, bWipe: 1}},
		{Name: "11 5xx + crashes owner/bounce", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bPerm: 1, bCrashO: 1, bCrashB: 1}},
		{Name: "12 owner crash around journal/ack", Msgs: 1, Rc: 2, Exp: one, GC: true, Budget: B{bCrashO: 1}},
		{Name: "35 nosc: pause+4xx no self-check", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 1, bTemp: 1}},
		{Name: "36 nosc: pause+5xx no self-check", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 1, bPerm: 1}},
		{Name: "37 nosc: pause crash wipe 5xx no self-check", Msgs: 1, Rc: 1, GC: true, Exp: one, Budget: B{bPause: 1, bCrashO: 1, bWipe: 1, bPerm: 1, bTemp: 1}},
		{Name: "13 heartbeat lost, worker alive", Msgs: 1, Rc: 1, Exp: one, Budget: B{bHB: 1}},
		{Name: "14 hold + wipe", Msgs: 1, Rc: 1, Exp: one, Budget: B{bHold: 1, bTemp: 1, bWipe: 1}},
		{Name: "15 hold + wipe + cfg change", Msgs: 1, Rc: 1, Exp: nexthop, SameFinal: false, Budget: B{bHold: 1, bWipe: 1, bCfg: 1}},
		{Name: "16 hold, release, wipe", Msgs: 1, Rc: 1, Exp: one, Rel: true, Budget: B{bHold: 1, bX: 1, bWipe: 1}},
		{Name: "17 dedupe window vs re-enqueue", Msgs: 1, Rc: 1, Exp: one, RM: true, Orphan: true, Flow: true, Dedup: true, Budget: B{bX: 1}},
		{Name: "18 orphan check order, no fault", Msgs: 1, Rc: 1, Exp: one, Orphan: true},
		{Name: "19 NATS restored from backup", Msgs: 1, Rc: 1, Exp: one, GC: true, Backup: true, Budget: B{bX: 1}},
		{Name: "20 stale purge after wipe", Msgs: 1, Rc: 1, Exp: one, Purge: true, Budget: B{bWipe: 1}},
		{Name: "21 keeper dies mid-move, compaction, wipe", Msgs: 1, Rc: 1, Exp: one, GC: true, Move: true, Compact: true, Budget: B{bX: 1, bWipe: 1}},
		{Name: "22 wipe, 2 rcpts", Msgs: 1, Rc: 2, Exp: one, GC: true, Budget: B{bWipe: 1, bTemp: 1}},
		{Name: "23 worker crash", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bCrashW: 1, bTemp: 1}},
		{Name: "30 BIG 2 rcpts crash O,W,C 4xx 5xx wipe", Msgs: 1, Rc: 2, Exp: one, GC: true, Budget: B{bCrashO: 1, bCrashC: 1, bTemp: 1, bPerm: 1, bWipe: 1}, Max: 5_000_000},
		{Name: "31 BIG 1 rcpt pause crash hb wipe 4xx 5xx hold", Msgs: 1, Rc: 1, Exp: one, GC: true, Rel: true, Budget: B{bCrashO: 1, bCrashC: 1, bPause: 1, bTemp: 1, bPerm: 1, bWipe: 1, bHold: 1, bX: 1}, Max: 5_000_000},
		{Name: "32 BIG 2 msgs", Msgs: 2, Rc: 1, Exp: one, GC: true, Budget: B{bCrashO: 1, bTemp: 1, bWipe: 1}, Max: 5_000_000},
		{Name: "33 BIG orphan check, crash O C I, wipe", Msgs: 1, Rc: 1, Exp: one, GC: true, Orphan: true, ClPause: true, Budget: B{bCrashO: 1, bCrashC: 1, bCrashI: 1, bPubTO: 1, bWipe: 1, bX: 1, bTemp: 1}, Max: 5_000_000},
		{Name: "34 BIG pause x2, wipe, 4xx 5xx", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bPause: 2, bCrashO: 1, bWipe: 1, bTemp: 1, bPerm: 1}, Max: 5_000_000},
		{Name: "24 wipe twice", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bWipe: 2}},
		{Name: "25 owner crash x2 + temp + perm", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bCrashO: 2, bTemp: 1, bPerm: 1}},
		{Name: "26 pause+crash+4xx", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bPause: 1, bCrashO: 1, bTemp: 1}},
		{Name: "27 mix crash everything", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bCrashO: 1, bCrashC: 1, bCrashW: 1, bTemp: 1, bWipe: 1}},
		{Name: "28 pause + wipe + 5xx", Msgs: 1, Rc: 1, Exp: one, GC: true, Budget: B{bPause: 1, bWipe: 1, bPerm: 1}},
		{Name: "29 two rcpts 4xx/5xx crash owner", Msgs: 1, Rc: 2, Exp: one, GC: true, Budget: B{bCrashO: 1, bTemp: 1, bPerm: 1}, Max: 3_000_000},
	}
	for _, b := range base {
		o = append(o, b, fixed(b))
	}
	return o
}
