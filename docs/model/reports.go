// Reports of success ride on the job (docs/adr/0009): the owner notes in DEFER what it owes, then journals the delivery, then has
// the report sent, then lets the job go. One job, one worker, one bounce; owners die, bounce dies, the worker lives on.
package main

type reportRules struct {
	noteFirst bool // the note is written before the journal
	proof     bool // a note without its journal entry proves the delivery: journal, do not attempt again
	keepTime  bool // the report's id is made from the time in the note, not from the time of asking
	adopt     bool // a new owner asks who has the job in hand before it dispatches
}

type reportVariant struct {
	name   string
	mutant bool
	rules  reportRules
}

func reportVariants() []reportVariant {
	all := reportRules{true, true, true, true}
	journalFirst, noProof, newTime, noAdopt := all, all, all, all
	journalFirst.noteFirst = false
	noProof.proof = false
	newTime.keepTime = false
	noAdopt.adopt = false
	return []reportVariant{
		{"as built", false, all},
		{"journal before the note", true, journalFirst},
		{"a note is no proof", true, noProof},
		{"id from the time of asking", true, newTime},
		{"no adoption", true, noAdopt},
	}
}

// What the owner has in memory.
const (
	roGone = iota // no owner
	roReady
	roDispatched
	roOutcome   // delivered, nothing durable
	roNoted     // the note is in DEFER
	roJournal   // the journal has it
	roReporting // DEFER says that only the report is missing
	roAsked     // bounce has it
	roSent      // bounce has answered
	roDone
)

type reportState struct {
	active         bool
	deferred, owed bool // a record in DEFER; it notes the report
	journal        bool
	owner          uint8
	worker         uint8 // 0 idle, 1 has the job, 2 delivered and repeats its outcome
	bounce         uint8 // 0 idle, 1 has the job, 2 sent and repeats its outcome
	id             uint8 // of the report that bounce was asked for
	clock          uint8
	noted          uint8 // the time in the note
	times          uint8 // deliveries
	sent           uint8 // ids of the reports sent, as bits
	crashes        uint8 // of owners
	deaths         uint8 // of bounce
}

func reportModel(rules reportRules) smallModel[reportState] {
	return smallModel[reportState]{
		init: reportState{active: true, owner: roReady, crashes: 2, deaths: 1},
		next: func(s reportState) []smallStep[reportState] { return reportSteps(s, rules) },
		bad: func(s reportState, quiet bool) string {
			switch {
			case s.times > 1:
				return "DUP"
			case s.sent&(s.sent-1) != 0:
				return "REPORT2"
			case quiet && (s.times == 0 || s.sent == 0 || s.active || s.deferred):
				return "STUCK"
			}
			return ""
		},
	}
}

func reportSteps(s reportState, rules reportRules) []smallStep[reportState] {
	var out []smallStep[reportState]
	add := func(n reportState, label string) { out = append(out, smallStep[reportState]{n, true, label}) }
	n := s
	switch s.owner {
	case roGone:
		add(takeReports(s, rules), "another owner takes over")
	case roReady:
		if rules.adopt && s.worker != 0 {
			n.owner = roDispatched
			add(n, "the owner adopts: a worker has it")
		} else {
			n.owner, n.worker = roDispatched, 1
			add(n, "the owner dispatches")
		}
	case roOutcome:
		if rules.noteFirst {
			n.owner, n.deferred, n.owed, n.noted = roNoted, true, true, s.clock
			n.clock = min(s.clock+1, 6)
			add(n, "the owner notes the report in DEFER")
		} else {
			n.owner, n.journal = roJournal, true
			add(n, "the owner journals")
		}
	case roNoted:
		n.owner, n.journal = roJournal, true
		add(n, "the owner journals")
	case roJournal:
		n.owner, n.deferred, n.owed, n.active = roReporting, true, true, false
		if !rules.noteFirst {
			n.noted, n.clock = s.clock, min(s.clock+1, 6)
		}
		if s.worker == 2 {
			n.worker = 0
		}
		add(n, "the owner writes DEFER{reporting}, acks ACTIVE and the outcome")
	case roReporting:
		if rules.adopt && s.bounce != 0 {
			n.owner = roAsked
			add(n, "the owner adopts: bounce has it")
			break
		}
		n.owner, n.bounce, n.id = roAsked, 1, s.noted
		if !rules.keepTime {
			n.id, n.clock = s.clock, min(s.clock+1, 6)
		}
		add(n, "the owner asks bounce")
	case roSent:
		n.owner, n.deferred, n.owed, n.bounce = roDone, false, false, 0
		add(n, "the owner deletes the record and acks the outcome")
	}
	if s.worker == 1 {
		n = s
		n.worker, n.times = 2, s.times+1
		add(n, "the worker delivers")
	}
	if s.worker == 2 && (s.owner == roDispatched || s.owner == roReady) {
		n = s
		n.owner = roOutcome
		add(n, "the worker reports")
	}
	if s.worker == 2 && s.owner >= roReporting {
		n = s
		n.worker = 0
		add(n, "the outcome is known: acked")
	}
	if s.bounce == 1 {
		n = s
		n.bounce, n.sent = 2, s.sent|1<<s.id
		add(n, "bounce puts the report into the spool")
	}
	if s.bounce == 2 && (s.owner == roAsked || s.owner == roReporting) {
		n = s
		n.owner = roSent
		add(n, "bounce reports")
	}
	if s.bounce == 2 && s.owner == roDone {
		n = s
		n.bounce = 0
		add(n, "the report is known: acked")
	}
	if s.bounce != 0 && s.deaths > 0 {
		n = s
		n.bounce, n.deaths = 0, 0
		out = append(out, smallStep[reportState]{n, false, "bounce dies"})
	}
	if s.owner == roAsked && s.bounce == 0 {
		n = s
		n.owner = roReporting
		add(n, "the owner hears nothing of bounce")
	}
	if s.owner != roGone && s.owner != roDone && s.crashes > 0 {
		n = s
		n.owner, n.crashes = roGone, s.crashes-1
		out = append(out, smallStep[reportState]{n, false, "the owner dies"})
	}
	return out
}

// What the next owner makes of journal, DEFER and ACTIVE; DEFER wins (rule 11).
func takeReports(s reportState, rules reportRules) reportState {
	n := s
	switch {
	case s.deferred && s.owed && s.journal:
		n.owner, n.active = roReporting, false // DEFER wins: the ACTIVE copy is dropped
	case s.deferred && s.owed && rules.proof:
		n.owner = roNoted
	case s.journal: // finished as far as the journal knows: dropped
		n.owner, n.active, n.deferred = roDone, false, false
	case s.active || s.deferred:
		n.owner = roReady
		if s.deferred && !rules.proof && s.worker == 2 {
			n.worker = 0 // its outcome was for the note
		}
	default:
		n.owner = roDone
	}
	return n
}
