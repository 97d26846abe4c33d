// Bounce by a stream of its own: the first design, kept for its mutants.
package main

// Steps of bounce.
func (x *stepper) bounce() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	for j := 0; j < J; j++ {
		m := j / (R * V)
		n = s
		if s.Q.Bnc[j] == 1 && s.Bs[j] == 0 {
			n.Bs[j] = 1
			add(n, true, "bounce takes j%d", j)
		}
		n = s
		switch s.Bs[j] {
		case 1:
			if p.Settled && jterm(&s, j) {
				n.Bs[j] = 3
				add(n, true, "bounce: j%d is settled, drops it", j)
				break
			}
			if !body(&s, m) {
				n.Bad |= 1
			}
			if !(p.DsnDet && s.Dsn[j] > 0) {
				if n.Dsn[j] < 3 {
					n.Dsn[j]++
				}
			}
			if p.Settles {
				n.Jr[j] |= jBounced
			}
			n.Bs[j] = 2
			add(n, true, "bounce: DSN for j%d in the spool", j)
		case 2:
			if p.BJ {
				n.Jr[j] |= jBounced
				n.Bs[j] = 3
				add(n, true, "bounce: journals j%d", j)
			} else {
				n.Bs[j] = 0
				n.Q.Bnc[j] = 0
				add(n, true, "bounce acks j%d", j)
			}
		case 3:
			n.Bs[j] = 0
			n.Q.Bnc[j] = 0
			add(n, true, "bounce acks j%d", j)
		}
		n = s
		if s.Bs[j] > 0 && use(&n, bCrashB) {
			n.Bs[j] = 0
			n.Cause |= cCrash
			add(n, false, "bounce dies with j%d", j)
		}
	}
}
