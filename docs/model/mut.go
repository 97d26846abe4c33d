package main

import "fmt"

// mutants: all rules on, one switched off
func mutants() {
	muts := []struct {
		n string
		f func(q *P)
	}{
		{"fix250-after-PUT", func(q *P) { q.Fix250 = false }}, {"shard-epoch-fence", func(q *P) { q.Epoch = false }},
		{"bounce-as-transport(off=BOUNCE stream, owner journals first)", func(q *P) { q.BJ = false; q.BT = false }}, {"bounce-as-transport(off=BOUNCE stream, bounce journals)", func(q *P) { q.BT = false }}, {"epoch-fence AND self-check", func(q *P) { q.Epoch = false; q.SelfF = false }}, {"missing-body query AND journal-only (=3 conditions, no query)", func(q *P) { q.Settled = false; q.GCj = false }}, {"decide-before-BOUNCE", func(q *P) { q.Decide = false }},
		{"journal-only-GC(off=3 conditions)", func(q *P) { q.GCj = false }}, {"hold-by-original", func(q *P) { q.HoldO = false }},
		{"load-journal-on-takeover", func(q *P) { q.LoadJ = false }}, {"outcome-to-shard", func(q *P) { q.Shard = false }},
		{"outcome-acked-after-journal", func(q *P) { q.AckJ = false }}, {"self-check-after-pause", func(q *P) { q.SelfF = false }},
		{"fresh-msgid-on-reenqueue", func(q *P) { q.Fresh = false }}, {"first_seq-by-generation", func(q *P) { q.Gen = false }},
		{"epoch-token-at-worker AND self-check", func(q *P) { q.Tok = false; q.SelfF = false }}, {"epoch-token-at-worker", func(q *P) { q.Tok = false }}, {"epoch everywhere (fence, token, self-check)", func(q *P) { q.Tok = false; q.SelfF = false; q.Epoch = false }}, {"worker-self-fence", func(q *P) { q.WFence = false }}, {"dsn-id-deterministic", func(q *P) { q.DsnDet = false }},
		{"settled-query-on-missing-body", func(q *P) { q.Settled = false }}, {"void-unknown-PUT", func(q *P) { q.Void = false }},
		{"compaction-after-last-copy", func(q *P) { q.CompSafe = false }}, {"dsn-record-settles", func(q *P) { q.Settles = false }},
		{"stream-behind-journal=wipe", func(q *P) { q.Behind = false }}, {"cleanup-age+done-floor", func(q *P) { q.ClAge = false }},
		{"adopt-jobs-in-hand", func(q *P) { q.Adopt = false }}, {"journal-key(off=orig only)", func(q *P) { q.KOrig = true }},
	}
	for _, m := range muts {
		fmt.Println("#### without", m.n)
		for i, sc := range scenarios() {
			if i%2 == 0 {
				continue
			}
			if sc.Name[:2] >= "30" || sc.Name[:2] == "06" || len(sc.Name) > 60 {
				continue
			}
			m.f(&sc)
			quiet = true
			run(sc, false)
		}
	}
}
