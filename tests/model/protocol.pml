/* The protocol between runs, store and venue, small enough to be searched whole: one BUY signal, one SELL
 * signal, one trade of one unit, two processes. docs/protocol-model.md says what it stands for, and where
 * it meets the code. scripts/model searches it: as it is, and with each flaw put in on purpose.
 *
 * -DONLY=n checks one promise: 1, 2, 4, 7, 5 for "no oversell", 9 for a state that must be reachable.
 * -DFLAW_x breaks a rule of the protocol, -DNO_LOCK, -DNO_CRASHES, -DVENUE_REFUSES_DUPLICATES choose a world. */

#ifndef ONLY
#define ONLY 0
#endif

#define CHECK(promise, truth) assert((ONLY != 0 && ONLY != promise) || (truth))

/* ---- orders ---------------------------------------------------------------------------------------
 * Two of a kind, because two at a time is what goes wrong. One that is over makes room for its next attempt.
 * A stop and the target bound to it are one order with two ways to fill: that is what an OCO pair is. */
#define E1 0
#define E2 1
#define S1 2
#define S2 3
#define X1 4
#define X2 5
#define ORDERS 6
#define is_entry(o) ((o) <= E2)
#define is_stop(o) ((o) == S1 || (o) == S2)
#define is_exit(o) ((o) >= X1)

/* ---- the store: what is durable ------------------------------------------------------------------- */
#define FREE 0     /* no row */
#define CLAIMED 1  /* in doubt by definition */
#define ACKED 2    /* claimed and acknowledged, which is doubt still */
#define PLACED 3   /* the venue's record showed it open */
#define DONE 4     /* closed, filled */
#define REFUSED 5
#define LAPSED 6
#define OVER 7     /* closed, refused or lapsed, and true: nothing of it was or ever will be filled */

byte row[ORDERS];
bool cancel_asked[ORDERS];
bool key_taken;      /* the signal's key */
bool wish;           /* a SELL signal was claimed */
bool cover_first;    /* an exit was claimed, and no stop after it */
bool alarm;          /* UNPROTECTED stands; raising it writes its notice in the same transaction */
bool may_write[2];   /* the fence: only the newest lease writes. Without a lock: the row is as it was read */

#define NOBODY 2
byte holder = NOBODY;

/* ---- the venue ------------------------------------------------------------------------------------ */
#define NONE 0     /* never arrived, or was not looked at */
#define FLIGHT 1   /* under way: carried out before its window ends, or never */
#define PENDING 2  /* acknowledged, not yet in the book */
#define RESTS 3
#define FILLED 4
#define ENDED 5    /* cancelled or rejected, nothing filled */

byte at_venue[ORDERS];
bool cancel_under_way[ORDERS];
bool window_over[ORDERS];  /* venue time is beyond valid_until and the margin */
byte bought, sold;         /* the account has other coins too: the venue lets us sell more than we bought */

/* ---- what only the world and the checks know ------------------------------------------------------ */
bool left_us[ORDERS];  /* a byte of it left */
bool up[2], kill[2];

#define live(o) (row[o] >= CLAIMED && row[o] <= PLACED)
#define in_doubt(o) (row[o] == CLAIMED || row[o] == ACKED)
#define bit_of(o) (1 << ((o) - S1))
#define held ((row[E1] == DONE) + (row[E2] == DONE) - (row[S1] == DONE) - (row[S2] == DONE) - \
              (row[X1] == DONE) - (row[X2] == DONE))
/* What has to be reachable, so that no promise is kept by doing nothing: a state at the end of a cycle. */
#if defined(GOAL_COVERED)
#define GOAL CHECK(9, !(key_taken && held == 1 && !wish && works(S2)))
#elif defined(GOAL_SOLD)
#define GOAL CHECK(9, !(row[E1] == DONE && row[X1] == DONE && !alarm && at_venue[S1] == NONE))
#elif defined(GOAL_STOPPED_OUT)
#define GOAL CHECK(9, !(row[S1] == DONE && wish && held == 0))
#elif defined(GOAL_LAPSED)
#define GOAL CHECK(9, !(key_taken && row[E1] == FREE && row[E2] == FREE))
#elif defined(GOAL_ALARM)
#define GOAL CHECK(9, !(all_over[me] && naked_at_venue && alarm))
#else
#define GOAL skip
#endif

#define works(o) (row[o] == PLACED && !cancel_asked[o] && (sighted[me] & bit_of(o)))
#define exit_lives (live(X1) || live(X2))
#define exit_filled (row[X1] == DONE || row[X2] == DONE)
#define exit_came_to_nothing (cover_first && !exit_lives && !exit_filled)
#define naked_at_venue (bought > sold && at_venue[S1] != RESTS && at_venue[S2] != RESTS)
/* What is under way for an entry is over: what was filled can be seen by everybody. */
#define entry_is_over(o) ((row[o] == FREE && !left_us[o]) || window_over[o])

/* ---- what a run knows, and forgets when it ends ---------------------------------------------------- */
byte sighted[2];   /* stops seen open in this run */
bool unread[2];    /* something could not be read: no moves, and the exit code says so */
bool entered[2];   /* beyond admit and enter */
bool all_over[2];  /* when this round began nothing was under way for an entry any more */
bool sending[2];   /* something is recorded that is to go out at once */

inline forget(p) {
  sighted[p] = 0;
  unread[p] = false;
  entered[p] = false;
  all_over[p] = false
}

inline executes(o) {
  /* What was proven absent, or refused, never comes to life. */
  CHECK(7, row[o] != LAPSED && row[o] != REFUSED && row[o] != OVER);
  if
  :: is_entry(o) -> at_venue[o] = FILLED; bought++
  :: is_stop(o) -> at_venue[o] = RESTS
  :: is_exit(o) -> at_venue[o] = FILLED; sold++
  fi;
  CHECK(2, bought <= 1);
  CHECK(5, sold <= bought)
}

/* What is over looks all the same from here on, which saves most of the states. */
inline lay_down(o) {
  if
  :: row[o] == DONE -> window_over[o] = true; cancel_asked[o] = false
  :: (row[o] == REFUSED || row[o] == LAPSED) && (at_venue[o] == ENDED || (at_venue[o] == NONE && window_over[o])) ->
       row[o] = OVER;
       at_venue[o] = NONE;
       window_over[o] = true;
       left_us[o] = true;
       cancel_asked[o] = false;
       cancel_under_way[o] = false
  :: else
  fi
}

/* Unless a run that lost its lease may still send it: the venue refuses what comes too late. */
inline make_room(o) {
  if
  :: row[o] == OVER && !sending[1 - me] -> row[o] = FREE; window_over[o] = false; left_us[o] = false
  :: else
  fi
}

/* Which of the two places an attempt has says nothing: that halves the states. */
inline close_ranks(first, second) {
  if
  :: row[first] == FREE && row[second] != FREE && !sending[1 - me] ->
       row[first] = row[second];
       at_venue[first] = at_venue[second];
       window_over[first] = window_over[second];
       left_us[first] = left_us[second];
       cancel_asked[first] = cancel_asked[second];
       cancel_under_way[first] = cancel_under_way[second];
       if :: first == S1 && sighted[me] == 2 -> sighted[me] = 1 :: else fi;
       row[second] = FREE;
       at_venue[second] = NONE;
       window_over[second] = false;
       left_us[second] = false;
       cancel_asked[second] = false;
       cancel_under_way[second] = false
  :: else
  fi
}

/* Something that was killed is gone before anything else happens, which saves states too. */
#define calm (!kill[0] && !kill[1])

#define WORLD(o)                                                                                      \
  :: atomic { calm && (at_venue[o] == FLIGHT || at_venue[o] == PENDING) -> executes(o) }              \
  :: atomic { calm && at_venue[o] == PENDING -> at_venue[o] = ENDED }                                 \
  :: atomic { calm && (row[o] != FREE || left_us[o]) && !window_over[o] && at_venue[o] != PENDING ->  \
       window_over[o] = true;                                                                         \
       at_venue[o] = (at_venue[o] == FLIGHT -> NONE : at_venue[o]);                                   \
       lay_down(o) }

#define WORLD_OF_STOPS(o)                                                                             \
  :: atomic { calm && at_venue[o] == RESTS ->                                                         \
       at_venue[o] = FILLED;                                                                          \
       sold++;                                                                                        \
       cancel_under_way[o] = false;                                                                   \
       CHECK(5, sold <= bought) }                                                                     \
  :: atomic { calm && cancel_under_way[o] ->                                                          \
       cancel_under_way[o] = false;                                                                   \
       at_venue[o] = (at_venue[o] == RESTS -> ENDED : at_venue[o]) }

#define KILL(p)                                                                                       \
  :: atomic { calm && up[p] -> kill[p] = true; holder = (holder == p -> NOBODY : holder) }

/* What is under way arrives or does not, stops fire, windows end, processes are killed or lose their lock:
 * any of it between any two steps of a run, and as often as it likes. */
active proctype World() {
end:
  do
  WORLD(E1) WORLD(E2) WORLD(S1) WORLD(S2) WORLD(X1) WORLD(X2)
  WORLD_OF_STOPS(S1) WORLD_OF_STOPS(S2)
#ifndef NO_CRASHES
  KILL(0) KILL(1)
#endif
#if !defined(NO_LOST_LOCKS) && !defined(NO_LOCK)
  :: atomic { calm && holder != NOBODY -> holder = NOBODY }
#endif
  od
}

/* ---- a run ---------------------------------------------------------------------------------------- */
#define NOTHING 0  /* the answers to a request */
#define YES 1
#define NO 2
#define UNSENT 3
#define DOUBT 4

/* Beyond this point the row is written, or the run ends because its pen is not the newest. */
#ifdef FLAW_FENCE_NOT_CHECKED
#define PEN CHECK(1, may_write[me])
#else
#define PEN if :: may_write[me] :: else -> goto run_is_over fi; CHECK(1, may_write[me])
#endif
#ifdef NO_LOCK
/* Without a lock a row is written only as it was read; a new one is nobody else's. */
#define WRITTEN may_write[1 - me] = false
#define PEN_FOR_A_NEW_ROW may_write[me] = true
#else
#define WRITTEN skip
#define PEN_FOR_A_NEW_ROW PEN
#endif

#ifdef FLAW_STAMPED_AT_SENDING
#define too_late(o) false
#else
#define too_late(o) window_over[o]  /* the request carries the stamp of its claim */
#endif

inline send(o) {
  /* Nothing is sent a second time, except a stop to a venue that refuses its id while it rests. */
  CHECK(7, !left_us[o] || row[o] == OVER || is_stop(o));
  if
  :: answer = UNSENT  /* no byte left, or the venue did not look: throttled, or the stamp is too old */
  :: left_us[o] = true; answer = DOUBT  /* lost on its way, or refused and the answer was lost */
  :: too_late(o) -> left_us[o] = true; answer = UNSENT
  :: !too_late(o) -> left_us[o] = true; answer = NO
  :: !too_late(o) && at_venue[o] == NONE -> left_us[o] = true; at_venue[o] = FLIGHT; answer = DOUBT
  :: !too_late(o) && at_venue[o] == NONE -> left_us[o] = true; at_venue[o] = PENDING; answer = YES
  :: !too_late(o) && at_venue[o] != RESTS ->
       left_us[o] = true;
       executes(o);
       if :: answer = YES :: answer = DOUBT fi
  fi
}

/* The table of the states, as far as the answer to a request goes. */
inline hear_answer(o) {
  if
  :: answer == YES && row[o] == CLAIMED -> row[o] = ACKED
  :: answer == NO && in_doubt(o) -> row[o] = REFUSED; window_over[o] = true
  :: answer == UNSENT && in_doubt(o) ->
       row[o] = LAPSED;
       window_over[o] = true;
       key_taken = (is_entry(o) -> false : key_taken)  /* nobody looked: the key is free again */
#ifdef FLAW_DOUBT_IS_REFUSED
  :: answer == DOUBT && in_doubt(o) -> row[o] = REFUSED
#endif
#ifdef FLAW_DOUBT_SENT_UNDER_NEW_ID
  :: answer == DOUBT && in_doubt(o) -> row[o] = LAPSED; key_taken = (is_entry(o) -> false : key_taken)
#endif
  :: else
  fi;
  lay_down(o)
}

/* One order is read, by all its ids, in every view, and what is seen becomes its row. Until its window is
 * over a view may lag behind; what was seen open may be shown late for ever. Afterwards its window matters
 * no more, which saves states. */
inline look(o) {
  if
  :: true -> unread[me] = true
  :: at_venue[o] <= PENDING || !window_over[o] || row[o] == PLACED ->  /* nothing is shown */
       if
#ifdef FLAW_ABSENCE_BELIEVED_EARLY
       :: row[o] != PLACED ->
#else
       :: row[o] != PLACED && window_over[o] ->
#endif
            CHECK(7, row[o] == CLAIMED);  /* what was acknowledged cannot be absent */
            row[o] = LAPSED
       :: else
       fi
  :: at_venue[o] == RESTS -> row[o] = PLACED; window_over[o] = true; sighted[me] = sighted[me] | bit_of(o)
  :: at_venue[o] == FILLED -> row[o] = DONE
  :: at_venue[o] == ENDED -> row[o] = LAPSED  /* closed with nothing filled, which is the same here */
  fi;
  lay_down(o)
}

#define leaves (wish && !exit_came_to_nothing)
#define any_stop_lives (live(S1) || live(S2))
#ifdef FLAW_SIBLING_NOT_CANCELLED
#define must_go(o) (held == 0)
#define sibling_lives false
#else
#define must_go(o) (held == 0 || leaves)
#define sibling_lives any_stop_lives
#endif
#define to_cancel(o) (live(o) && row[o] != CLAIMED && !cancel_asked[o] && must_go(o))
#define cancel_waits(o) (live(o) && row[o] != CLAIMED && cancel_asked[o])
#define to_sell (held > 0 && leaves && !exit_lives && !sibling_lives)
#define to_cover (held > 0 && !leaves && !exit_lives && !any_stop_lives)
#ifdef VENUE_REFUSES_DUPLICATES
#define to_send_again(o) (row[o] == CLAIMED && !window_over[o])
#else
#define to_send_again(o) false
#endif
#define naked_by_rows (held > 0 && !works(S1) && !works(S2))

#define ask_cancel(o) PEN; cancel_asked[o] = true; WRITTEN; which = o; sending[me] = true
#define claim(o) PEN; row[o] = CLAIMED; WRITTEN; which = o; sending[me] = true

/* What next_move says of this trade, and the record of it: durable before anything leaves. */
inline decide() {
  if
  :: true -> which = ORDERS  /* past the deadline, or ended before it was claimed */
  :: !unread[me] && to_cancel(S1) -> ask_cancel(S1)
  :: !unread[me] && to_cancel(S2) -> ask_cancel(S2)
  :: !unread[me] && cancel_waits(S1) -> which = S1; sending[me] = true
  :: !unread[me] && cancel_waits(S2) -> which = S2; sending[me] = true
  :: !unread[me] && to_send_again(S1) -> which = S1; again = true; sending[me] = true
  :: !unread[me] && to_send_again(S2) -> which = S2; again = true; sending[me] = true
  :: !unread[me] && to_sell && row[X1] == FREE -> claim(X1); cover_first = true
  :: !unread[me] && to_sell && row[X1] != FREE && row[X2] == FREE -> claim(X2); cover_first = true
#ifdef FLAW_TARGET_NOT_BOUND
  :: !unread[me] && held > 0 && works(S1) && row[S2] == FREE -> claim(S2)
#endif
  :: !unread[me] && to_cover && row[S1] == FREE -> claim(S1); cover_first = false
  :: !unread[me] && to_cover && row[S1] != FREE && row[S2] == FREE -> claim(S2); cover_first = false
  fi
}

#ifdef NO_LOCK
#define lease_holds true
#else
#define lease_holds (holder == me)
#endif
#define may_enter (!alarm && !unread[me] && !key_taken && (row[E1] == FREE || row[E2] == FREE))
#define next_entry (row[E1] == FREE -> E1 : E2)

/* Two idle processes are alike: the first one goes first. */
#define my_turn (me == 0 || up[0])

proctype Runs(bool me) {
  byte answer, which;
  bool again;  /* a stop under an id that was sent before */
end:
  do
  :: {
#ifdef NO_LOCK
       atomic { !kill[me] && my_turn -> up[me] = true; may_write[me] = true };
#else
       atomic { holder == NOBODY && !kill[me] && my_turn -> holder = me; up[me] = true };
       atomic {
         may_write[me] = true;
         may_write[1 - me] = false;
         forget(1 - me);
#ifndef FLAW_FENCE_NOT_CHECKED
         /* What the fenced run has recorded may still go out. It can do nothing else: that saves states. */
         kill[1 - me] = up[1 - me] && !sending[1 - me]
#endif
       };
#endif

round:
       /* reconcile: what is seen of a trade is one change of the store, and so is what follows from it.
        * Between the two anything may end the run: then nothing was decided. */
       atomic {
         PEN;
         all_over[me] = entry_is_over(E1) && entry_is_over(E2);
         unread[me] = false;
         which = E1;
         do
         :: which < ORDERS && live(which) -> look(which); make_room(which); which++
         :: which < ORDERS && !live(which) -> make_room(which); which++
         :: which == ORDERS -> break
         od;
         close_ranks(E1, E2);
         close_ranks(S1, S2);
         close_ranks(X1, X2);
         WRITTEN;
         /* protect: one move a round */
         decide()
       };
       if
       :: atomic { which == ORDERS -> which = 0 }
       :: atomic { which < ORDERS && cancel_asked[which] ->
            sending[me] = false;
            if
            :: at_venue[which] == PENDING || at_venue[which] == RESTS -> cancel_under_way[which] = true
            :: true  /* lost */
            fi;
#ifdef FLAW_CANCEL_BELIEVED
            if :: may_write[me] -> row[which] = LAPSED :: else fi;
#endif
            which = 0 }
       :: atomic { which < ORDERS && !cancel_asked[which] -> sending[me] = false; send(which) };
          atomic {
            if
            :: again && answer != YES  /* a no may come from the first copy that rests there */
            :: else -> PEN; hear_answer(which); WRITTEN
            fi;
            answer = NOTHING;
            which = 0;
            again = false
          }
       fi;
       if
       :: true -> goto round  /* another round, until the deadline */
       :: atomic {
            /* the barrier: what is held and not under a stop sighted in this run is said */
            true;
            if
            :: unread[me]
            :: else ->
                 PEN;
#ifndef FLAW_NO_ALARM
                 alarm = naked_by_rows;
#endif
                 WRITTEN
            fi }
       fi;

       if
       :: !entered[me] && !lease_holds  /* fenced: nothing more of this run is written */
       :: atomic { entered[me] ->
            PEN;
            /* a cycle was completed */
            CHECK(4, !naked_by_rows || alarm || unread[me]);
            CHECK(4, !(all_over[me] && naked_at_venue) || alarm || unread[me]);
            GOAL }
       /* admit and enter */
       :: atomic { !entered[me] && lease_holds -> entered[me] = true }; goto round
       :: atomic { !entered[me] && lease_holds && !unread[me] && held > 0 && !wish ->
            PEN; entered[me] = true; wish = true; WRITTEN }; goto round
#if defined(FLAW_CLAIM_AFTER_SEND)
       :: atomic { !entered[me] && lease_holds && may_enter && row[E1] == FREE ->
            entered[me] = true; which = E1; send(E1) };
          atomic { PEN; key_taken = true; row[E1] = CLAIMED; all_over[me] = false; hear_answer(E1);
            WRITTEN; answer = NOTHING; which = 0 };
          goto round
#else
#if defined(FLAW_CHECK_THEN_CLAIM)
       :: !entered[me] && lease_holds && may_enter ->
          atomic {
#else
       :: atomic { !entered[me] && lease_holds && may_enter ->
#endif
            PEN_FOR_A_NEW_ROW;
            entered[me] = true;
            which = next_entry;
            key_taken = true;
            row[which] = CLAIMED;
            all_over[me] = false;
            sending[me] = true;
            WRITTEN };
          if :: lease_holds :: else -> goto run_is_over fi;
          atomic { sending[me] = false; send(which) };
          atomic { PEN; hear_answer(which); WRITTEN; answer = NOTHING; which = 0 };
          goto round
#endif
       fi;
run_is_over:
       atomic { holder = (holder == me -> NOBODY : holder) }
     } unless { atomic { kill[me] -> kill[me] = false } };
     atomic { answer = 0; which = 0; again = false; sending[me] = false; forget(me); up[me] = false }
  od
}

init {
  atomic { run Runs(0); run Runs(1) }
}
