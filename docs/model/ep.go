package main

import (
	"fmt"
	"strings"
)

// the fence of rule 4 as the server makes it: variants of all repaired scenarios
func epVariants() []struct {
	n string
	f func(q *P)
} {
	lost := func(q *P) {
		b := B{bLost: 1}
		for k, v := range q.Budget {
			b[k] = v
		}
		q.Budget = b
	}
	full := func(q *P) { q.EpRec, q.Fly, q.DelSeq, q.Refence, q.HalfH = true, 2, true, true, true; lost(q) }
	return []struct {
		n string
		f func(q *P)
	}{
		{"ep1", func(q *P) { q.EpRec = true }},                                          // record instead of lease, takeover in four steps, atomic writes
		{"ep2", func(q *P) { q.EpRec, q.Fly, q.DelSeq, q.HalfH = true, 2, true, true }}, // two writes in flight, any order; deletes by sequence, not fenced
		{"ep2fly", func(q *P) { q.EpRec, q.Fly, q.HalfH = true, 2, true }},
		{"ep2fly1", func(q *P) { q.EpRec, q.Fly, q.HalfH = true, 1, true }},
		{"ep2del", func(q *P) { q.EpRec, q.DelSeq = true, true }},
		{"ep3", full}, // and one write without an answer, which may land at any later time; owner re-fences
		{"ep3-hdlate", func(q *P) { full(q); q.HdLate = true }},      // workers learn of an epoch from its first dispatch only
		{"mut-norefence", func(q *P) { full(q); q.Refence = false }}, // owner just sends again
		{"mut-nocas", func(q *P) { full(q); q.NoCAS = true }},        // _epoch by plain publish, lease not looked at
		{"mut-nocas-nosc", func(q *P) { full(q); q.NoCAS = true; q.SelfF = false }},
		{"mut-nohalfh", func(q *P) { full(q); q.HalfH = false }},
		{"mut-nofence", func(q *P) { full(q); q.NoFence = true }},
		{"mut-nofence-nosc", func(q *P) { full(q); q.NoFence = true; q.SelfF = false }},
		{"mut-notok", func(q *P) { full(q); q.Tok = false; q.SelfF = false }},
		{"mut-atomic-norefence", func(q *P) { q.EpRec, q.DelSeq = true, true }},
	}
}

func epoch(variant string, verbose bool) {
	for _, v := range epVariants() {
		if v.n != variant {
			continue
		}
		fmt.Println("#### variant", v.n)
		for i, sc := range append(scenarios(), extra()...) {
			if i%2 == 0 {
				continue
			}
			v.f(&sc)
			if pat := arg(4); pat == "nobig" && strings.Contains(sc.Name, "BIG") || pat != "" && pat != "nobig" && !strings.Contains(sc.Name, pat) {
				continue
			}
			run(sc, verbose && arg(3) == "-v")
		}
	}
}

func extra() []P {
	one := [2]uint8{1, 1}
	var o []P
	for _, b := range []P{
		{Name: "40 2 rcpts pause 4xx 5xx", Msgs: 1, Rc: 2, Exp: one, Budget: B{bPause: 1, bTemp: 1, bPerm: 1}},
		{Name: "41 nosc: 2 rcpts pause crash 4xx", Msgs: 1, Rc: 2, Exp: one, Budget: B{bPause: 1, bCrashO: 1, bTemp: 2}},
		{Name: "42 hold release pause 4xx", Msgs: 1, Rc: 1, Exp: one, Rel: true, Budget: B{bPause: 1, bTemp: 1, bHold: 1, bX: 1}},
		{Name: "43 nosc: pause x2 crash wipe 4xx 5xx", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 2, bCrashO: 1, bWipe: 1, bTemp: 1, bPerm: 1}},
		{Name: "50 pause crash wipe hold", Msgs: 1, Rc: 1, Exp: one, GC: true, Rel: true, Budget: B{bCrashO: 1, bPause: 1, bWipe: 1, bHold: 1, bX: 1}},
		{Name: "56 pause wipe hold", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 1, bWipe: 1, bHold: 1}},
		{Name: "57 pause crash hold", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 1, bCrashO: 1, bHold: 1}},
		{Name: "58 crash wipe hold", Msgs: 1, Rc: 1, Exp: one, Budget: B{bWipe: 1, bCrashO: 1, bHold: 1}},
		{Name: "59 pause crash wipe hold", Msgs: 1, Rc: 1, Exp: one, Budget: B{bPause: 1, bWipe: 1, bCrashO: 1, bHold: 1}},
		{Name: "51 pause crash wipe hold 4xx", Msgs: 1, Rc: 1, Exp: one, Budget: B{bCrashO: 1, bPause: 1, bWipe: 1, bHold: 1, bTemp: 1}},
		{Name: "52 pause crash wipe 5xx", Msgs: 1, Rc: 1, Exp: one, Budget: B{bCrashO: 1, bPause: 1, bWipe: 1, bPerm: 1}},
		{Name: "53 pause crash wipe 4xx", Msgs: 1, Rc: 1, Exp: one, Budget: B{bCrashO: 1, bPause: 1, bWipe: 1, bTemp: 1}},
		{Name: "54 pause crash crashC wipe 4xx", Msgs: 1, Rc: 1, Exp: one, Budget: B{bCrashO: 1, bCrashC: 1, bPause: 1, bWipe: 1, bTemp: 1}},
		{Name: "55 pause crash crashC wipe hold", Msgs: 1, Rc: 1, Exp: one, Budget: B{bCrashO: 1, bCrashC: 1, bPause: 1, bWipe: 1, bHold: 1}},
		{Name: "44 crash x2 4xx x2 5xx hold", Msgs: 1, Rc: 1, Exp: one, Budget: B{bCrashO: 2, bTemp: 2, bPerm: 1, bHold: 1}},
	} {
		o = append(o, b, fixed(b))
	}
	return o
}
