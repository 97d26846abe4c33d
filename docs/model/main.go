// Explicit-state model of the mail queue. One job = (message m, original recipient r, variant v). See README.md.
package main

import (
	"fmt"
	"os"
	"strings"
)

const usage = `model: explores the mail queue of docs/durability.md

  model check quick|usual|all     lines as in expected.txt
  model trace small NAME          shortest traces of a small mechanism, for example "journal before the note"
  model ep VARIANT [-v] [NAME]    scenarios with the fence as built: ep1, ep2, ep3, mut-...; -v: traces
  model table [NAME]              the first table: every scenario without and with the rules
  model mut                       the first mutants: all rules on, one off
`

func main() {
	switch arg(1) {
	case "check":
		if !verdicts(arg(2)) {
			fail()
		}
	case "trace":
		for _, each := range smallRuns() {
			if strings.Contains(each.name, arg(3)) {
				traceSmall(each)
			}
		}
	case "ep":
		epoch(arg(2), len(os.Args) > 3)
	case "table":
		for _, sc := range scenarios() {
			if strings.Contains(sc.Name, arg(2)) {
				run(sc, false)
			}
		}
	case "mut":
		mutants()
	default:
		fail()
	}
}

func traceSmall(each smallRun) {
	states, kinds, traces := each.run()
	fmt.Printf("== %s: %d states\n", each.name, states)
	for _, kind := range kinds {
		fmt.Printf("  -- %s\n", kind)
		for i, label := range traces[kind] {
			fmt.Printf("     %2d %s\n", i+1, label)
		}
	}
}

func fail() {
	fmt.Fprint(os.Stderr, usage)
	os.Exit(64)
}

// The argument at a position, or nothing.
func arg(i int) string {
	if len(os.Args) > i {
		return os.Args[i]
	}
	return ""
}
