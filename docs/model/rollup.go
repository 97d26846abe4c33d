// Rolling up the journal (durability rule 14): objects o0, o1, o2 of one owner are written in order; those that are old become one object
// m that sorts behind the last of them; then they go. A reader lists, a part at a time, and reads what it listed in order. It must see every
// entry that was durable when it began.
package main

type rollUpRules struct {
	mergeFirst bool // m stands before any original is removed
	listAgain  bool // a reader that misses a listed object lists again from there
	pause      bool // originals go only when no listing that began before m is still running
}

type rollUpVariant struct {
	name   string
	mutant bool
	rules  rollUpRules
}

func rollUpVariants() []rollUpVariant {
	all := rollUpRules{true, true, true}
	removeFirst, noList, noPause := all, all, all
	removeFirst.mergeFirst = false
	noList.listAgain = false
	noPause.pause = false
	return []rollUpVariant{
		{"as built", false, all},
		{"originals removed before the merged object stands", true, removeFirst},
		{"a reader passes over what is gone", true, noList},
		{"no pause before the removal", true, noPause},
	}
}

// Places in the order of names: o0, o1, m, o2.
const (
	ruO0 = iota
	ruO1
	ruM
	ruO2
	ruPlaces
)

type rollUpState struct {
	there   uint8 // objects that stand, as bits of places
	durable uint8 // entries written, as bits of o0, o1, o2
	roller  uint8 // 0 idle, 1 m made (or, in the mutant, originals gone), 2 done
	removed uint8 // originals that are gone
	crashes uint8
	reader  uint8 // 0 not begun, 1 listing, 2 reading, 3 ready
	visited uint8 // places that the listing has passed, in any order
	at      uint8 // next place to read
	from    uint8 // where the present listing begins
	listed  uint8
	seen    uint8 // entries, as bits
	owed    uint8 // entries durable when the reader began
	early   bool  // the running listing began before m was made
}

func rollUpEntries(place uint8) uint8 {
	return [ruPlaces]uint8{1, 2, 3, 4}[place]
}

func rollUpModel(rules rollUpRules) smallModel[rollUpState] {
	return smallModel[rollUpState]{
		init: rollUpState{crashes: 1},
		next: func(s rollUpState) []smallStep[rollUpState] {
			return append(rollUpWrites(s, rules), rollUpReads(s, rules)...)
		},
		bad: func(s rollUpState, quiet bool) string {
			if s.reader == 3 && s.seen&s.owed != s.owed {
				return "FORGOTTEN"
			}
			if quiet && s.reader != 3 {
				return "STUCK"
			}
			return ""
		},
	}
}

func rollUpWrites(s rollUpState, rules rollUpRules) []smallStep[rollUpState] {
	var out []smallStep[rollUpState]
	add := func(n rollUpState, normal bool, label string) {
		out = append(out, smallStep[rollUpState]{n, normal, label})
	}
	n := s
	for i, place := range []uint8{ruO0, ruO1, ruO2} {
		if s.durable == 1<<i-1 {
			n.durable, n.there = s.durable|1<<i, s.there|1<<place
			add(n, true, "the owner writes an object")
		}
	}
	if s.durable&3 != 3 {
		return out
	}
	merge, remove := uint8(0), uint8(1)
	if !rules.mergeFirst {
		merge, remove = 1, 0
	}
	if s.roller == merge && (rules.mergeFirst || s.removed == 3) {
		n = s
		n.there, n.roller, n.early = s.there|1<<ruM, s.roller+1, s.reader == 1
		add(n, true, "the owner makes the merged object")
	}
	if s.roller == remove && s.removed != 3 && !(rules.pause && rules.mergeFirst && s.reader == 1 && s.early) {
		n = s
		bit := uint8(2) // the latest first
		if s.removed&2 != 0 {
			bit = 1
		}
		n.removed, n.there = s.removed|bit, s.there&^bit
		if n.removed == 3 {
			n.roller++
		}
		add(n, true, "the owner removes an original")
	}
	if s.roller == 1 && s.crashes > 0 {
		n = s
		n.crashes, n.roller = 0, 2
		add(n, false, "the owner dies, half of it done")
	}
	return out
}

func rollUpReads(s rollUpState, rules rollUpRules) []smallStep[rollUpState] {
	var out []smallStep[rollUpState]
	add := func(n rollUpState, label string) { out = append(out, smallStep[rollUpState]{n, true, label}) }
	n := s
	switch s.reader {
	case 0:
		n.reader, n.owed, n.early = 1, s.durable, false
		add(n, "a reader begins to list")
	case 1:
		isDone := true
		for place := s.from; place < ruPlaces; place++ { // a directory lists its names in no order
			if s.visited>>place&1 == 1 {
				continue
			}
			isDone = false
			n = s
			n.visited |= 1 << place
			n.listed |= s.there & (1 << place)
			add(n, "the reader lists one place")
		}
		if isDone {
			n.reader, n.at, n.visited = 2, s.from, 0
			add(n, "the reader has listed")
		}
	case 2:
		switch {
		case s.at == ruPlaces:
			n.reader = 3
		case s.listed>>s.at&1 == 0:
			n.at++
		case s.there>>s.at&1 == 1:
			n.seen |= rollUpEntries(s.at)
			n.at++
		case rules.listAgain:
			n.reader, n.from, n.early = 1, s.at, false
			n.listed = 0
		default:
			n.at++
		}
		add(n, "the reader reads one object")
	}
	return out
}
