// The runs whose results are committed (expected.txt): one line a run, the same on every machine. `quick` takes seconds, `usual` about a
// minute, `all` an hour and some gigabytes.
package main

import (
	"fmt"
	"sort"
	"strings"
)

// Scenarios by size: the first two letters of their names. What is in neither list has less than 100,000 states.
const (
	medium = "07 22 27 28 29 40 51 52 53 54 55 59"
	large  = "06 30 31 32 33 34 37 41 43 50"
)

func level(name string) int {
	switch key := name[:2]; {
	case strings.Contains(large, key):
		return 2
	case strings.Contains(medium, key):
		return 1
	}
	return 0
}

// Prints the lines of a level: the pipeline with every rule on, the small mechanisms, and the mutants of both.
func verdicts(name string) bool {
	limit, ok := map[string]int{"quick": 0, "usual": 1, "all": 2}[name]
	if !ok {
		return false
	}
	silent = true
	for _, each := range smallRuns() {
		states, kinds, _ := each.run()
		kind := "built"
		if each.mutant {
			kind = "mutant"
		}
		fmt.Printf("%s\t%s\t%d\t%s\n", kind, each.name, states, strings.Join(kinds, " "))
	}
	full := variant("ep3")
	for _, sc := range repaired() {
		if level(sc.Name) > limit {
			continue
		}
		full(&sc)
		fmt.Println(line("built", sc.Name, run(sc, false)))
	}
	for _, each := range verdictMutants() {
		fmt.Printf("mutant\t%s\t-\t%s\n", each.n, strings.Join(kindsOf(each), " "))
	}
	return true
}

// The scenarios with every rule on.
func repaired() []P {
	var out []P
	for i, sc := range append(scenarios(), extra()...) {
		if i%2 == 1 {
			out = append(out, sc)
		}
	}
	return out
}

func variant(name string) func(q *P) {
	for _, each := range epVariants() {
		if each.n == name {
			return each.f
		}
	}
	panic("no variant " + name)
}

type mutant struct {
	n    string
	only string // scenarios that show it: the first two letters of their names
	f    func(q *P)
}

// One rule off, all others on, under the fence as it is built.
func verdictMutants() []mutant {
	full := variant("ep3")
	off := func(f func(q *P)) func(q *P) { return func(q *P) { full(q); f(q) } }
	return []mutant{
		{"rule 1: 451 after the PUT", "01 02", off(func(q *P) { q.Fix250 = false })},
		{"rule 2: no void object", "03", off(func(q *P) { q.Void = false })},
		{"rule 3: _epoch without expectation, no look at the lease", "08 26 42 57", variant("mut-nocas-nosc")},
		{"rule 4: fence left out", "08 42 44 56 57", variant("mut-nofence-nosc")},
		{"rule 4: no re-fence after a write without an answer", "08 25 44", variant("mut-norefence")},
		{"rule 3: workers accept any epoch", "08 09 26 57", variant("mut-notok")},
		{"rule 5: bounced journalled before its effect", "09 10 25", off(func(q *P) { q.BJ, q.BT = false, false })},
		{"rule 6: DSN does not settle, its id is made anew", "10 11 25 28", off(func(q *P) { q.Settles, q.DsnDet = false, false })},
		{"rule 7: outcomes to the dispatcher only", "12 26", off(func(q *P) { q.Shard = false })},
		{"rule 7: outcomes acked before the journal", "12 26", off(func(q *P) { q.AckJ = false })},
		{"rule 8: no adoption", "08 12 26", off(func(q *P) { q.Adopt = false })},
		{"rule 9: worker sends the dot unasked, nobody adopts", "13", off(func(q *P) { q.WFence, q.Adopt = false, false })},
		{"rule 10: takeover without the journal", "12 26", off(func(q *P) { q.LoadJ = false })},
		{"rule 10: done set expires, cleanup goes on after a pause", "04", off(func(q *P) { q.ClAge = false })},
		{"rule 12: hold by job", "15", off(func(q *P) { q.HoldO, q.HalfH = false, false })},
		{"rule 12: half a hold is none", "44 56 57 58", variant("mut-nohalfh")},
		{"rule 14: journal by original only", "07", off(func(q *P) { q.KOrig = true })},
		{"rule 15: a body that is gone is always corrupt", "04 05", off(func(q *P) { q.Settled = false })},
		{"rule 17: compaction while a copy lives", "21", off(func(q *P) { q.CompSafe = false })},
		{"rule 17: streams that are behind are trusted", "19", off(func(q *P) { q.Behind = false })},
		{"rule 18: streams begin at 1", "20", off(func(q *P) { q.Gen = false })},
		{"rule 19: re-enqueued under the same msgID", "17", off(func(q *P) { q.Fresh = false })},
	}
}

// Kinds of violations that the mutant has in its scenarios and the built pipeline has not.
func kindsOf(m mutant) []string {
	full := variant("ep3")
	seen := map[string]bool{}
	for _, sc := range repaired() {
		if !strings.Contains(m.only, sc.Name[:2]) {
			continue
		}
		built := sc
		full(&built)
		known := map[string]bool{}
		for _, kind := range kinds(run(built, false)) {
			known[kind] = true
		}
		m.f(&sc)
		for _, kind := range kinds(run(sc, false)) {
			if !known[kind] {
				seen[kind] = true
			}
		}
	}
	var out []string
	for kind := range seen {
		out = append(out, kind)
	}
	sort.Strings(out)
	return out
}

// First words of the violations, sorted.
func kinds(res result) []string {
	seen := map[string]bool{}
	var out []string
	for _, text := range res.found {
		kind := strings.Fields(text)[0]
		if !seen[kind] {
			seen[kind] = true
			out = append(out, kind)
		}
	}
	sort.Strings(out)
	return out
}

func line(kind, name string, res result) string {
	cut := ""
	if res.cut {
		cut = " (cut)"
	}
	return fmt.Sprintf("%s\t%s\t%d%s\t%s", kind, strings.TrimSuffix(name, " +FIX"), res.states, cut, strings.Join(kinds(res), " "))
}
