// Small models: mechanisms that need a few variables only, each with the rules that it stands on as switches. A mutant is the
// model with one rule off; it must find a violation, else the model checks nothing.
package main

import "sort"

// One step: the state behind it, and whether it belongs to the normal run (a fault does not).
type smallStep[S comparable] struct {
	to     S
	normal bool
	label  string
}

// A mechanism. `bad` names a violation, or says "". It hears whether no normal step is left.
type smallModel[S comparable] struct {
	init S
	next func(S) []smallStep[S]
	bad  func(s S, quiet bool) string
}

// Everything reachable: number of states, kinds of violations in order of the alphabet, and a shortest trace to each.
func exploreSmall[S comparable](m smallModel[S]) (states int, kinds []string, traces map[string][]string) {
	type from struct {
		at    int
		label string
	}
	seen := map[S]bool{m.init: true}
	all := []S{m.init}
	back := []from{{-1, ""}}
	traces = map[string][]string{}
	for i := 0; i < len(all); i++ {
		steps := m.next(all[i])
		quiet := true
		for _, step := range steps {
			if step.normal {
				quiet = false
			}
		}
		if kind := m.bad(all[i], quiet); kind != "" {
			if _, known := traces[kind]; !known {
				path := []string{}
				for at := i; back[at].at >= 0; at = back[at].at {
					path = append([]string{back[at].label}, path...)
				}
				traces[kind] = path
				kinds = append(kinds, kind)
			}
			continue
		}
		for _, step := range steps {
			if !seen[step.to] {
				seen[step.to] = true
				all = append(all, step.to)
				back = append(back, from{i, step.label})
			}
		}
	}
	sort.Strings(kinds)
	return len(all), kinds, traces
}

// A run of a small model: the mechanism as built, or with a rule off.
type smallRun struct {
	name   string
	mutant bool
	run    func() (int, []string, map[string][]string)
}

func smallRuns() []smallRun {
	var runs []smallRun
	for _, each := range reportVariants() {
		runs = append(runs, smallRun{"reports: " + each.name, each.mutant, func() (int, []string, map[string][]string) { return exploreSmall(reportModel(each.rules)) }})
	}
	for _, each := range rollUpVariants() {
		runs = append(runs, smallRun{"roll-up: " + each.name, each.mutant, func() (int, []string, map[string][]string) { return exploreSmall(rollUpModel(each.rules)) }})
	}
	for _, each := range rollVariants() {
		runs = append(runs, smallRun{"roll call: " + each.name, each.mutant, func() (int, []string, map[string][]string) { return exploreSmall(rollModel(each.rules)) }})
	}
	for _, each := range survivorVariants() {
		runs = append(runs, smallRun{"survivors: " + each.name, each.mutant, func() (int, []string, map[string][]string) { return exploreSmall(survivorModel(each.rules)) }})
	}
	return runs
}
