// Owners call the roll (docs/adr/0014; rules 8 and 9): one job, an owner and whoever follows it, two agents. A dispatch may stay without an
// answer, an agent may be cut off from NATS (for less than a silent one is waited for) and commits for the first part of that only, owners
// die, and NATS forgets that the consumer of ACTIVE delivered the job. Agents do not die: what that doubles is inherent.
package main

type rollRules struct {
	unanswered bool // a dispatch without an answer waits for the word of every agent
	takeover   bool // so does what was in ACTIVE when the owner took over
	forgetful  bool // what NATS says that nobody had waits, too
}

type rollVariant struct {
	name   string
	mutant bool
	rules  rollRules
}

func rollVariants() []rollVariant {
	all := rollRules{true, true, true}
	unanswered, takeover, forgetful := all, all, all
	unanswered.unanswered = false
	takeover.takeover = false
	forgetful.forgetful = false
	return []rollVariant{
		{"as built", false, all},
		{"an unanswered dispatch waits for a heartbeat period only", true, unanswered},
		{"a takeover waits for a heartbeat period only", true, takeover},
		{"the consumer's word of what was delivered is trusted", true, forgetful},
	}
}

// What the owner knows of the job.
const (
	rcGone       = iota // no owner
	rcTaking            // took over: somebody may have it
	rcReady             // nobody has it
	rcAsked             // a dispatch is on its way, or its answer
	rcUnanswered        // no answer came
	rcDispatched        // the agent `by` has it
	rcDone
)

// What an agent has.
const (
	raNothing   = iota
	raOffer     // an offer that it has not read
	raHas       // taken, its answer on the way when the owner is asking
	raDelivered // and repeats its outcome
)

type rollAgent struct {
	job      uint8
	cut      uint8 // 1: NATS is silent, 2: for so long that no dot may be sent
	answered bool  // the owner's latest roll call
}

type rollState struct {
	owner     uint8
	by        uint8
	agents    [2]rollAgent
	forgotten bool // NATS has forgotten that the consumer delivered the job
	times     uint8
	cuts      uint8
	crashes   uint8
}

func rollModel(rules rollRules) smallModel[rollState] {
	return smallModel[rollState]{
		init: rollState{owner: rcReady, cuts: 2, crashes: 2},
		next: func(s rollState) []smallStep[rollState] {
			return append(rollOwnerSteps(s, rules), append(rollAgentSteps(s), rollFaults(s)...)...)
		},
		bad: func(s rollState, quiet bool) string {
			switch {
			case s.times > 1:
				return "DUP"
			case quiet && (s.owner != rcDone || s.times == 0):
				return "STUCK"
			}
			return ""
		},
	}
}

func rollOwnerSteps(s rollState, rules rollRules) []smallStep[rollState] {
	var out []smallStep[rollState]
	add := func(n rollState, label string) { out = append(out, smallStep[rollState]{n, true, label}) }
	n := s
	switch s.owner {
	case rcGone:
		n.owner, n.by = rcTaking, 0
		n.agents[0].answered, n.agents[1].answered = false, false
		if s.forgotten && !rules.forgetful {
			n.owner = rcReady
		}
		add(n, "another owner takes over and calls the roll")
	case rcReady:
		for k := range s.agents {
			if s.agents[k].job == raNothing {
				n = s
				n.owner, n.by, n.agents[k].job = rcAsked, uint8(k), raOffer
				add(n, "the owner offers the job to an agent")
			}
		}
	case rcAsked:
		if s.agents[s.by].job >= raHas && s.agents[s.by].cut == 0 {
			n.owner = rcDispatched
			add(n, "the owner reads that it was taken")
		}
		n = s
		n.owner = rcUnanswered
		n.agents[0].answered, n.agents[1].answered = false, false
		add(n, "no answer comes; the owner calls the roll")
	case rcTaking, rcUnanswered:
		isRolled := rules.takeover
		if s.owner == rcUnanswered {
			isRolled = rules.unanswered
		}
		isOver := true
		for k, agent := range s.agents {
			mustAnswer := isRolled || agent.cut == 0
			if mustAnswer && !agent.answered {
				isOver = false
			}
			if agent.cut == 0 && !agent.answered && agent.job != raOffer {
				n = s
				n.agents[k].answered = true
				if agent.job >= raHas {
					n.owner, n.by = rcDispatched, uint8(k)
				}
				add(n, "an agent answers the roll call")
			}
		}
		if isOver {
			n = s
			n.owner = rcReady
			add(n, "everybody who is waited for has answered")
		}
	case rcDispatched:
		if s.agents[s.by].job == raNothing && s.agents[s.by].cut == 0 {
			n.owner = rcReady
			add(n, "the agent does not name the job any more")
		}
	}
	return out
}

func rollAgentSteps(s rollState) []smallStep[rollState] {
	var out []smallStep[rollState]
	for k, agent := range s.agents {
		n := s
		add := func(label string) { out = append(out, smallStep[rollState]{n, true, label}) }
		switch {
		case agent.job == raOffer && agent.cut == 0:
			n.agents[k].job = raHas
			add("an agent takes the offer")
			// It may be too busy for it.
			n.agents[k].job = raNothing
			add("an agent refuses the offer")
		case agent.job == raHas && agent.cut < 2:
			n.agents[k].job, n.times = raDelivered, s.times+1
			add("an agent delivers")
		case agent.job == raHas:
			n.agents[k].job = raNothing
			add("an agent sends no dot: NATS has been silent for too long")
		case agent.job == raDelivered && agent.cut == 0 && s.owner != rcGone:
			n.agents[k].job, n.owner = raNothing, rcDone
			add("an agent reports, the owner journals")
		}
		if agent.cut > 0 {
			n = s
			n.agents[k].cut = 0
			add("the network is mended")
		}
	}
	return out
}

func rollFaults(s rollState) []smallStep[rollState] {
	var out []smallStep[rollState]
	add := func(n rollState, label string) { out = append(out, smallStep[rollState]{n, false, label}) }
	for k, agent := range s.agents {
		n := s
		if agent.cut == 0 && s.cuts > 0 {
			n.agents[k].cut, n.cuts = 1, s.cuts-1
			add(n, "an agent is cut off")
		}
		if agent.cut == 1 {
			n = s
			n.agents[k].cut = 2
			add(n, "the cut lasts")
		}
	}
	n := s
	if s.owner != rcGone && s.owner != rcDone && s.crashes > 0 {
		n.owner, n.crashes = rcGone, s.crashes-1
		add(n, "the owner dies")
	}
	if !s.forgotten {
		n = s
		n.forgotten = true
		add(n, "NATS forgets that it delivered the job")
	}
	return out
}
