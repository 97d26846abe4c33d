// Facts of a state that several steps and the check ask for.
package main

var p P

// trace: labels are made; quiet: scenarios without a violation are not printed; silent: none is.
var trace, quiet, silent bool

func jx(m, r, v int) int { return (m*R+r)*V + v }
func fin(j int) int {
	if p.Retry {
		j = j % (R * V)
	}
	if p.SameFinal {
		return j &^ 1
	}
	return j
}
func sh(j int) int {
	if p.TwoShards {
		return j & 1
	}
	return 0
}
func runDone(s *S, m, r int, f func(j int) bool) bool {
	for c := 0; c < 2; c++ {
		if s.Runs>>(m*2+c)&1 == 0 {
			continue
		}
		ok := true
		for v := 0; v < V; v++ {
			if p.Exp[c]>>v&1 == 1 && !f(jx(m, r, v)) {
				ok = false
			}
		}
		if ok {
			return true
		}
	}
	return false
}
func jterm(s *S, j int) bool {
	if s.Jr[j]&(jDone|jBounced|jDel) != 0 {
		return true
	}
	return p.SameFinal && s.Jr[j^1]&(jDone|jBounced|jDel) != 0
}
func complete(s *S, m, r int) bool {
	if p.KOrig {
		return jterm(s, jx(m, r, 0)) || jterm(s, jx(m, r, 1))
	}
	return runDone(s, m, r, func(j int) bool { return jterm(s, j) })
}
func mcomplete(s *S, m int) bool {
	for r := 0; r < p.Rc; r++ {
		if !complete(s, m, r) {
			return false
		}
	}
	return true
}
func fated(s *S, j int) bool {
	if s.Jr[j]&jDel != 0 || s.Dsn[j] > 0 || s.Dl[fin(j)] > 0 {
		return true
	}
	return p.SameFinal && (s.Dsn[j^1] > 0 || s.Jr[j^1]&jDel != 0)
}
func body(s *S, m int) bool { return s.Seg[m] == 1 || s.Moved[m] == 1 }

func busy(s *S, m int) bool {
	if s.Q.Inc[m] != 0 || s.Rec == 1 {
		return true
	}
	for k := 0; k < 2; k++ {
		if s.Cl[k] == uint8(m+1) {
			return true
		}
	}
	for j := m * R * V; j < (m+1)*R*V; j++ {
		if s.Q.Act[j] != 0 || s.Q.Def[j] != 0 || s.Q.Bnc[j] != 0 || s.Wk[0][j] != 0 || s.Wk[1][j] != 0 {
			return true
		}
	}
	return false
}
