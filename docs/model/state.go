// What the model holds: the queue in NATS, the spool, the journal, owners, workers, and the faults that are left; and which rules are on.
package main

const (
	M = 2
	R = 2
	V = 2
	J = M * R * V
)

// owner memory of a job
const (
	mNone = iota
	mReady
	mDisp
	mOK    // outcome ok in memory
	mOKj   // journalled
	mTemp  // 4xx in memory
	mTempW // DEFER written, ACTIVE not acked
	mDef   // deferred, in DEFER and memory
	mPerm  // 5xx in memory
	mPermB // BOUNCE published (base: journal next; fix: remove next)
	mPermJ // base: journalled
	mBing  // fix: DEFER(bouncing) written
	mHoldW // DEFER(held) written, not journalled
	mHeld  //
	mRelW  // DEFER(released) written, not journalled
	mDelJ  // delete journalled
	mBDisp
	mBOK
	mHoldA // job arrived from ACTIVE marked held
	mFly   // DEFER write sent, no answer yet
	mRelR  // release: DEFER write has to be sent again
)
const (
	jDone    = 1
	jBounced = 2
	jHold    = 4
	jRel     = 8
	jDel     = 16
)
const (
	cCrash   = 1
	cLease   = 2
	cWipe    = 4
	cCfg     = 8
	cPause   = 16
	cPubTO   = 32
	cHB      = 64
	cRestore = 128
)

type Q struct { // contents of NATS
	Inc, IncDone, IncHeld [M]uint8 // 0 none 1 available 2 in hand; done/held masks by r*V+v
	Act                   [J]uint8 // 0 none 1 job 2 held job
	Def, Ver              [J]uint8 // 1 deferred 2 held 3 bouncing
	Bnc                   [J]uint8
	Ep                    [2]uint8 // by shard: sequence of the _epoch record in DEFER_s (0 = none); removed by a wipe, restored by a backup
}
type S struct {
	Ing, Seg, Moved, Late [M]uint8
	Q                     Q
	Bk                    Q
	BkSet                 uint8
	ActBy                 [J]uint8
	Cl, ClCfg, ClStep     [2]uint8
	ClDone, ClHeld        [2]uint8
	Cfg, Runs             uint8
	Lease                 [2]uint8 // by shard: owner
	Bel                   [2]uint8 // by owner: bitmask of shards believed
	// fence by _epoch record (EpRec)
	Ec, Hd             [2]uint8    // by shard: last sequence given to an _epoch record; highest epoch the workers have heard
	OEp, Tk, Rd        [2][2]uint8 // by owner, shard: sequence of my _epoch record; step of takeover; value read before the CAS
	Fl                 [2][J]uint8 // by owner, job: DEFER write on its way: code | epoch<<3
	GhJ, GhW           uint8       // a timed-out DEFER write that may still land: job+1, code | epoch<<3
	Paused             uint8
	Mem, KV            [2][J]uint8
	Done               [2]uint8 // bitmask of finals
	Wk, WD             [2][J]uint8
	Jr                 [J]uint8
	Bs                 [J]uint8
	Kp, Kmv            [M]uint8
	Compacted          uint8
	Rec                uint8
	Rs, RsDone, RsHeld [M]uint8
	Os                 [M]uint8
	DD                 uint8 // remembered msgIDs of jobs
	DDI                uint8
	Pg                 uint8
	B                  [16]uint8 // budgets
	// ghost
	Dl     [J]uint8
	Dsn    [J]uint8
	HeldOK [J]uint8
	Cause  uint8
	Bad    uint8
}

const (
	bCrashO = iota
	bCrashC
	bCrashB
	bCrashW
	bCrashI
	bPause
	bWipe
	bCfg
	bPubTO
	bHB
	bTemp
	bPerm
	bHold
	bX
	bLost
	bGap
)

type P struct {
	Name                                                                       string
	Msgs, Rc                                                                   int
	Exp                                                                        [2]uint8 // expansion per config, mask of v
	SameFinal, TwoShards, Retry                                                bool
	Budget                                                                     map[int]uint8
	Max                                                                        int
	GC, Rel, Orphan, Backup, RM, LatePut, Purge, Move, ClPause, Dedup, Compact bool
	// design rules on
	Fix250, Epoch, BJ, Decide, GCj, Key, HoldO, LoadJ, Shard, AckJ, SelfF, Fresh, Gen, WFence, Flow, DsnDet, Settled, Void, CompSafe, Settles, Behind, ClAge, Adopt, BT, Tok bool
	DoneExp                                                                                                                                                                  bool
	// fence: a DEFER write of epoch e is refused when the _epoch record in the stream is not e's
	EpRec    bool            // takeover = lease | read _epoch + refresh lease | CAS _epoch | scan, each a step of its own
	NoCAS    bool            // mutant: _epoch is published without expected sequence and without looking at the lease
	NoFence  bool            // mutant: the server checks nothing
	Fly      int             // DEFER writes of one owner in flight, landing in any order (0 = atomic)
	Refence  bool            // after a write without answer: CAS my own _epoch record, then send again
	DelSeq   bool            // deletes from DEFER are by sequence and not fenced
	HalfH    bool            // a job from ACTIVE whose hold is journalled (and not released) is held: the hold of an owner that died before its DEFER write
	HdLate   bool            // workers hear of an epoch only by its first dispatch, not at takeover
	KOrig    bool            // journal keyed by original recipient only
	Want     map[string]bool // violations to look for
	AnyCause bool
}
