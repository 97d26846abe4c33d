// Ingress: PUT, publish, 250; lost answers, a PUT that lands late; and what INCOMING delivers again.
package main

// Steps of ingress, and of INCOMING.
func (x *stepper) ingress() {
	s, n := x.s, x.s
	add := x.add
	_, _ = n, add
	for m := 0; m < p.Msgs; m++ {
		n := s
		if p.Retry && m == 1 && !(s.Ing[0] == 5) {
			goto noing
		}
		switch s.Ing[m] {
		case 0:
			n.Ing[m] = 2
			n.Seg[m] = 1
			add(n, true, "ingress: PUT segment of m%d", m)
			if p.LatePut {
				n = s
				if use(&n, bPubTO) {
					n.Ing[m] = 5
					n.Late[m] = 1
					n.Cause |= cPubTO
					if p.Void {
						n.Late[m] = 2
					}
					add(n, false, "ingress: PUT of m%d times out (still in flight), client gets 451", m)
				}
			}
		case 2:
			n.Ing[m] = 4
			n.Q.Inc[m] = 1
			n.Q.IncDone[m] = 0
			n.Q.IncHeld[m] = 0
			n.DDI |= 1 << m
			add(n, true, "ingress: publish INCOMING m%d, PubAck, 250", m)
			n = s
			if !p.LatePut && use(&n, bPubTO) {
				n.Cause |= cPubTO
				if p.Fix250 {
					n.Ing[m] = 6
					add(n, false, "ingress: no PubAck for m%d by the deadline: 250, keeps publishing", m)
				} else {
					n.Ing[m] = 5
					add(n, false, "ingress: publish of m%d fails, client gets 451", m)
					n.Q.Inc[m] = 1
					add(n, false, "ingress: publish of m%d stored but PubAck lost, client gets 451", m)
				}
			}
			n = s
			if use(&n, bCrashI) {
				n.Ing[m] = 5
				n.Cause |= cCrash
				add(n, false, "ingress dies after PUT of m%d; client retries", m)
			}
		case 6:
			n.Ing[m] = 4
			n.Q.Inc[m] = 1
			add(n, true, "ingress: late publish of m%d stored", m)
			n = s
			if use(&n, bCrashI) {
				n.Ing[m] = 4
				n.Cause |= cCrash
				add(n, false, "ingress dies before publishing m%d (250 given)", m)
			}
		}
	noing:
		n = s
		if s.Late[m] == 1 {
			n.Late[m] = 0
			n.Seg[m] = 1
			add(n, true, "object storage: the timed-out PUT of m%d takes effect", m)
		}
		// INCOMING redelivery
		if s.Q.Inc[m] == 2 {
			held := false
			for k := 0; k < 2; k++ {
				if s.Cl[k] == uint8(m+1) {
					held = true
				}
			}
			n = s
			if !held {
				n.Q.Inc[m] = 1
				add(n, true, "INCOMING redelivers m%d (ack_wait)", m)
			} else if p.ClPause && use(&n, bX) {
				n.Q.Inc[m] = 1
				n.Cause |= cPause
				if p.ClAge {
					for k := 0; k < 2; k++ {
						if s.Cl[k] == uint8(m+1) {
							n.Cl[k], n.ClCfg[k], n.ClStep[k], n.ClDone[k], n.ClHeld[k] = 0, 0, 0, 0, 0
						}
					}
				}
				add(n, false, "cleanup is paused beyond ack_wait: INCOMING redelivers m%d", m)
			}
		}
	}
}
