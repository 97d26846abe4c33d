// Garbage, survivors and compaction (durability rules 15 to 17): segment X holds records a and b; what is not complete moves to X~1, then X~2;
// a segment goes when all of it is complete or stands in the next copy; entries of a record are compacted when a fresh list shows no object
// that contains it, and no PUT can be on its way any more. Two keepers work at once; the journal is then lost to nobody, but NATS is:
// recovery delivers every record that it finds in an object and that the journal does not call complete.
package main

type survivorRules struct {
	copyFirst bool // the copy stands before the older one is removed
	freshList bool // compaction looks at a list made now, not at what this keeper has removed
	wait      bool // compaction waits until no PUT of a keeper can be on its way (24 h)
	journal   bool // garbage is what the journal calls complete, not what left the queue
}

type survivorVariant struct {
	name   string
	mutant bool
	rules  survivorRules
}

func survivorVariants() []survivorVariant {
	all := survivorRules{true, true, true, true}
	removeFirst, oldList, atOnce, queue := all, all, all, all
	removeFirst.copyFirst = false
	oldList.freshList = false
	atOnce.wait = false
	queue.journal = false
	return []survivorVariant{
		{"as built", false, all},
		{"removed before the copy stands", true, removeFirst},
		{"compaction by the keeper's own knowledge", true, oldList},
		{"compaction at once", true, atOnce},
		{"garbage by the queue", true, queue},
	}
}

const survivorCopies = 3 // X, X~1, X~2

type survivorKeeper struct {
	step   uint8 // 0 idle, 1 copy decided, 2 copy stands, 3 removed: compaction next
	of     uint8 // the copy that is looked at
	holds  uint8 // survivors decided
	forgot uint8 // records that it believes gone
}

type survivorState struct {
	there    [survivorCopies]bool
	holds    [survivorCopies]uint8 // records, as bits
	complete uint8                 // truth: records that are finished
	journal  uint8                 // records that the journal calls complete
	queue    uint8                 // records that are in NATS
	keepers  [2]survivorKeeper
	late     [survivorCopies]uint8 // a PUT on its way to a copy: its records, 0 = none
	crashes  uint8
	wiped    uint8 // 1 NATS is empty, 2 recovery is done
	again    uint8 // records delivered again though they were finished
	lost     uint8
}

func survivorModel(rules survivorRules) smallModel[survivorState] {
	init := survivorState{queue: 3, crashes: 2}
	init.there[0], init.holds[0] = true, 3
	return smallModel[survivorState]{
		init: init,
		next: func(s survivorState) []smallStep[survivorState] { return survivorSteps(s, rules) },
		bad: func(s survivorState, quiet bool) string {
			newest := uint8(0)
			for i := range survivorCopies {
				if s.there[i] {
					newest = s.holds[i]
				}
			}
			switch {
			case 3&^s.complete&^newest != 0: // a reader looks into the last copy
				return "LOST"
			case s.again != 0:
				return "AGAIN"
			}
			return ""
		},
	}
}

func survivorSteps(s survivorState, rules survivorRules) []smallStep[survivorState] {
	var out []smallStep[survivorState]
	add := func(n survivorState, normal bool, label string) {
		out = append(out, smallStep[survivorState]{n, normal, label})
	}
	for bit := uint8(1); bit <= 2; bit <<= 1 {
		n := s
		if s.queue&bit != 0 && s.complete&bit == 0 {
			n.complete, n.journal, n.queue = s.complete|bit, s.journal|bit, s.queue&^bit
			add(n, true, "a record is finished, and journalled")
		}
	}
	for k := range s.keepers {
		out = append(out, keeperSteps(s, k, rules)...)
		n := s
		if s.keepers[k].step != 0 && s.crashes > 0 {
			n.crashes--
			if s.keepers[k].step == 1 && rules.copyFirst { // its PUT may be on its way
				n.late[s.keepers[k].of+1] = s.keepers[k].holds
			}
			n.keepers[k] = survivorKeeper{}
			add(n, false, "a keeper dies")
		}
	}
	for i, holds := range s.late {
		if holds == 0 {
			continue
		}
		n := s
		n.late[i] = 0
		if !s.there[i] {
			n.there[i], n.holds[i] = true, holds
		}
		add(n, false, "a dead keeper's PUT arrives")
	}
	n := s
	switch s.wiped {
	case 0:
		n.wiped, n.queue = 1, 0
		add(n, false, "NATS is wiped")
	case 1:
		n.wiped = 2
		for i := range survivorCopies {
			if s.there[i] {
				n.queue |= s.holds[i] &^ s.journal
			}
		}
		n.again = n.queue & s.complete
		add(n, true, "recovery re-enqueues")
	}
	return out
}

// One keeper's next step on the oldest copy that stands.
func keeperSteps(s survivorState, k int, rules survivorRules) []smallStep[survivorState] {
	var out []smallStep[survivorState]
	add := func(n survivorState, label string) { out = append(out, smallStep[survivorState]{n, true, label}) }
	me := s.keepers[k]
	n := s
	gone := s.journal
	if !rules.journal {
		gone = 3 &^ s.queue
	}
	switch me.step {
	case 0:
		for i := range uint8(survivorCopies) {
			if !s.there[i] {
				continue
			}
			rest := s.holds[i] &^ gone
			if rest == s.holds[i] || rest != 0 && i == survivorCopies-1 {
				continue
			}
			n = s
			n.keepers[k] = survivorKeeper{1, i, rest, s.holds[i] &^ rest}
			if rest == 0 {
				n.keepers[k].step = 2
			}
			add(n, "a keeper decides")
		}
		for bit := uint8(1); bit <= 2; bit <<= 1 {
			if s.journal&bit != 0 && !listed(s, bit) && (!rules.wait || !onItsWay(s, bit)) {
				n = s
				n.journal &^= bit
				add(n, "a keeper compacts: no object contains the record")
			}
		}
	case 1:
		if rules.copyFirst {
			to := me.of + 1
			if !s.there[to] {
				n.there[to], n.holds[to] = true, me.holds
			} else if me.holds&^s.holds[to] != 0 {
				n.keepers[k] = survivorKeeper{} // the other's copy lacks something: nothing is removed
				add(n, "a keeper finds another copy that lacks a record")
				break
			}
			n.keepers[k].step = 2
			add(n, "a keeper copies the survivors")
		} else {
			n.there[me.of], n.holds[me.of] = false, 0
			n.keepers[k].step = 4
			add(n, "a keeper removes before it copies")
		}
	case 2:
		n.there[me.of], n.holds[me.of] = false, 0
		n.keepers[k].step = 3
		add(n, "a keeper removes the older copy")
	case 3:
		if !rules.freshList {
			n.journal &^= me.forgot
		}
		n.keepers[k] = survivorKeeper{}
		add(n, "a keeper is done")
	case 4:
		n.there[me.of+1], n.holds[me.of+1] = true, me.holds
		n.keepers[k] = survivorKeeper{}
		add(n, "a keeper copies the survivors")
	}
	return out
}

// True when some object contains the record.
func listed(s survivorState, bit uint8) bool {
	for i := range survivorCopies {
		if s.there[i] && s.holds[i]&bit != 0 {
			return true
		}
	}
	return false
}

// True when a PUT that contains the record may still arrive.
func onItsWay(s survivorState, bit uint8) bool {
	for i := range survivorCopies {
		if s.late[i]&bit != 0 {
			return true
		}
	}
	for _, keeper := range s.keepers {
		if keeper.step == 1 && keeper.holds&bit != 0 {
			return true
		}
	}
	return false
}
