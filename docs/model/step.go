// Every step that can follow a state: what each part of the pipeline may do next, and which fault may strike. One file a part.
package main

import (
	"fmt"
)

// A state behind a step, and what the step was.
type out struct {
	s S
	l string
}

// Gathers the steps from one state.
type stepper struct {
	s      S
	res    []out
	normal int
}

// Notes a step; norm: it belongs to the normal run, a fault does not.
func (x *stepper) add(n S, norm bool, f string, a ...any) {
	if n == x.s {
		return
	}
	l := ""
	if trace {
		l = fmt.Sprintf(f, a...)
	}
	x.res = append(x.res, out{n, l})
	if norm {
		x.normal++
	}
}

// Spends one of a budget of faults; false when none is left.
func use(n *S, b int) bool {
	if n.B[b] == 0 {
		return false
	}
	n.B[b]--
	return true
}

// All steps from a state, and how many of them are normal.
func succ(s *S) ([]out, int) {
	x := stepper{s: *s}
	x.ingress()
	x.cleanup()
	x.configuration()
	x.owners()
	x.deferWrites()
	x.workers()
	x.bounce()
	x.keeper()
	x.wipe()
	x.recovery()
	x.accidents()
	return x.res, x.normal
}
