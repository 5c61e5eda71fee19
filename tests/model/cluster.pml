/*
 * One cluster of the protocol: the cells of its tasks, the completion tree over them, the header, the queue and the finish
 * message; two workers, whoever creates the cluster, and the sweep. docs/hacking.md says how to run it, and
 * docs/adr/0146-a-model-of-one-cluster.md what is left out, and why.
 *
 * Words are those of docs/wire-format.md and of the code; comments name the function that a step stands for. A step is one
 * call of a service, with what its caller makes of the answer (`d_step`), so a process dies, and others do whatever they
 * can, between two calls and nowhere else. A change of the header that is tried again until its swap fits
 * (`Headers::change`, `modify_header`) is one step, the swap that fits, but for the one that finishes the cluster. There is
 * no time: what waits for a time may happen at once, or late.
 *
 * A name in `#ifdef` is a wrong variant, with which a promise has to break.
 */

/* ---- What a configuration chooses ---- */

#ifndef TASKS
#define TASKS 2 /* 2 or 3 */
#endif
#ifndef LEAF_WIDTH
#define LEAF_WIDTH 1 /* Tasks of a leaf, 1 or 2. An inner node has 2 children. (Both are 32 in the table.) */
#endif
#ifndef ATTEMPTS_MAX
#define ATTEMPTS_MAX 2 /* At most 3 */
#endif
#ifndef OPEN
#define OPEN 0 /* 1: the tasks are added and run while the cluster is sealed. 0: its size is known at first. */
#endif
#ifndef CRASHES
#define CRASHES 0 /* Of all processes together. */
#endif
#ifndef ONLY_WORKERS_DIE
#define ONLY_WORKERS_DIE 0
#endif
#ifndef DUPLICATES
#define DUPLICATES 0 /* Deliveries that leave the message visible to others. */
#endif
#ifndef EXPIRIES
#define EXPIRIES 0 /* Leases that end while their handler runs. */
#endif
#ifndef FAILURES
#define FAILURES 0 /* Attempts that fail: to be tried again, or, the last, for good. */
#endif
#ifndef RETENTIONS
#define RETENTIONS 0 /* How often all that waits in the queue is lost. */
#endif
#ifndef EARLY_SWEEPS
#define EARLY_SWEEPS 0 /* 0: the sweep begins when nothing else moves. 1: at any time. */
#endif

#if TASKS == 2 && LEAF_WIDTH == 2
#error "one leaf would be the root"
#endif

/* ---- Places ---- */

#define LEAVES ((TASKS + LEAF_WIDTH - 1) / LEAF_WIDTH)
/* Nodes are numbered level by level, from the leaves on, with room for 2 or 4 leaves. */
#if (TASKS + LEAF_WIDTH - 1) / LEAF_WIDTH <= 2
#define LEAF_PLACES 2
#else
#define LEAF_PLACES 4
#endif
#define NODES (2 * LEAF_PLACES - 1)
#define ROOT (NODES - 1)
#define leaf_of(task) ((task) / LEAF_WIDTH)
#define parent_of(node) (LEAF_PLACES + (node) / 2)
#define first_child(node) (2 * ((node) - LEAF_PLACES))

/* Records that are claimed: tasks by their position, and the finish message's. */
#define FINISH (LEAF_PLACES * LEAF_WIDTH)
#define RECORDS (FINISH + 1)
#define NONE RECORDS

#define me _pid /* Workers are 0 and 1. */
#define CREATOR 2
#define SWEEPER 3

/* ---- The table ---- */

/* A cell, 16 bytes in the table: state, attempts, token. Tokens are random numbers, fresh for each delivery, and only
 * whether two are equal matters: token w + 1 is that of the delivery that worker w has in hand, 0 one that nobody has any
 * more. 0 is an absent cell. */
#define FREE 0
#define LEASED 1
#define BACKING_OFF 2
#define DONE 4
#define FAILED 5
#define cell_with(state, attempts, token) ((state) * 16 + (attempts) * 4 + (token))
#define state_of(cell) ((cell) >> 4)
#define attempts_of(cell) (((cell) >> 2) & 3)
#define token_of(cell) ((cell) & 3)
#define my_token (me + 1)
#define has_ended(cell) (state_of(cell) >= DONE)
#define has_failed(cell) (state_of(cell) == FAILED)
byte cells[RECORDS];

/* Inner nodes. A count is kept in the parent, by child: 0 is absent, else one more than the failed tasks below the child. */
byte counts[NODES];
byte sized;  /* Nodes that have `size`, a bit each. Only the last node of a level ever gets it. */
bool rooted; /* The top has `root`. */

/* The header. */
bool sealed, marked, finished, finish_sent, finish_done;
bool added;                /* Of an open cluster: its tasks. */
bool send_due, resend_due; /* Marks: of the creation or the add, and of the re-send. */
byte readers;              /* Who has read it since it was written last, a bit each: their swap on its version fits. */

/* ---- The queue, and what the workers have in hand ---- */

byte queue[RECORDS]; /* Copies of the record's message that can be received. */
byte message[2] = NONE;
byte seen[2]; /* The cell as the last answer showed it. */
bool handling[2];
bool late[2]; /* Its lease is over, and its message visible to others. */
#ifdef DELETE_BEFORE_END
bool deleted[2];
#endif

/* What the sweep sees by the time. */
bool cut_off;     /* Who made the mark `send_due` is dead. */
bool tasks_lost;  /* Messages of tasks were sent longer ago than the queue keeps them, */
bool finish_lost; /* and so was the finish message. */

byte crashes = CRASHES, duplicates = DUPLICATES, expiries = EXPIRIES, failures = FAILURES, retentions = RETENTIONS;

byte starts[RECORDS]; /* Handlers that were started: for a promise alone. */

#define promise(condition, words) \
  if :: (condition) :: else -> printf(words); assert(false) fi

/* ---- Cells and nodes ---- */

#if TASKS == 2
#define ALL_TASKS 3
#define all_have_ended (has_ended(cells[0]) && has_ended(cells[1]))
#define failed_tasks (has_failed(cells[0]) + has_failed(cells[1]))
#define open_tasks (!has_ended(cells[0]) + 2 * !has_ended(cells[1]))
#define queued_tasks (queue[0] + queue[1])
#else
#define ALL_TASKS 7
#define all_have_ended (has_ended(cells[0]) && has_ended(cells[1]) && has_ended(cells[2]))
#define failed_tasks (has_failed(cells[0]) + has_failed(cells[1]) + has_failed(cells[2]))
#define open_tasks (!has_ended(cells[0]) + 2 * !has_ended(cells[1]) + 4 * !has_ended(cells[2]))
#define queued_tasks (queue[0] + queue[1] + queue[2])
#endif

/* Cell::is_busy. The lease of a holder that is gone is over. */
#define is_live(cell) \
  (state_of(cell) == LEASED && ((token_of(cell) == 1 && !late[0]) || (token_of(cell) == 2 && !late[1])))

inline write_cell(record, value)
{
  promise(!has_ended(cells[record]), "broken: an ended record is never written again\n");
  cells[record] = value
}

/* Leaf::is_full: every task below the size, or in all places, has ended. */
#define is_sized(node) ((sized >> (node)) & 1)
#if LEAF_WIDTH == 1
#define leaf_is_full(leaf) has_ended(cells[leaf])
#define failed_in_leaf(leaf) has_failed(cells[leaf])
#else
#ifdef LEAF_FULL_BY_ITS_LAST_TASK
#define leaf_is_full(leaf) \
  (has_ended(cells[2 * (leaf) + 1]) || (has_ended(cells[2 * (leaf)]) && is_sized(leaf) && TASKS % 2 == 1))
#else
#define leaf_is_full(leaf) \
  (has_ended(cells[2 * (leaf)]) && (has_ended(cells[2 * (leaf) + 1]) || (is_sized(leaf) && TASKS % 2 == 1)))
#endif
#define failed_in_leaf(leaf) (has_failed(cells[2 * (leaf)]) + has_failed(cells[2 * (leaf) + 1]))
#endif

/* InnerNode::is_full: so have all children, and their counts say so. */
#define inner_is_full(node) \
  (counts[first_child(node)] != 0 && \
   (counts[first_child(node) + 1] != 0 || (is_sized(node) && first_child(node) == LEAVES - 1)))
#define failed_below(child) (counts[child] == 0 -> 0 : counts[child] - 1)

/* What the answer to a read, or to a write with ALL_NEW, tells of `node`. */
inline look_at_node()
{
  if
  :: node < LEAF_PLACES ->
#ifdef COUNT_BEFORE_FULL
     filled = true;
#else
     filled = leaf_is_full(node);
#endif
     failed = failed_in_leaf(node)
  :: else ->
     filled = inner_is_full(node);
#ifdef FAILURES_ADDED_AGAIN
     failed = failed + failed_below(first_child(node)) + failed_below(first_child(node) + 1)
#else
     failed = failed_below(first_child(node)) + failed_below(first_child(node) + 1)
#endif
  fi;
  root = (node == ROOT && rooted);
  if :: filled :: else -> node = 0; failed = 0; root = false fi
}

inline forget_node() { node = 0; filled = false; failed = 0; root = false }

inline write_header() { readers = 0 } /* Its version changes. */

/* ---- What a worker has in hand, and death ---- */

#define cell cells[message[me]]

inline forget_delivery()
{
  message[me] = NONE;
  seen[me] = 0;
  handling[me] = false;
#ifdef DELETE_BEFORE_END
  deleted[me] = false;
#endif
  late[me] = false
}

/* Settlement::put_back and leave. A message whose visibility ended is there already. */
inline put_back()
{
  if
#ifdef DELETE_BEFORE_END
  :: deleted[me]
#endif
  :: message[me] != NONE && !late[me] -> queue[message[me]]++
  :: else
  fi;
  forget_delivery()
}

/* Time passes until the lease is over and the message visible. What has this token, nobody has any more: also what the
 * other worker saw of it. */
inline die_with_hands()
{
  if
  :: state_of(cell) == LEASED && token_of(cell) == my_token ->
     if
     :: message[1 - me] == message[me] && seen[1 - me] == cell -> seen[1 - me] = seen[1 - me] - my_token
     :: else
     fi;
     cell = cell - my_token
  :: else
  fi;
  put_back()
}

inline die()
{
  crashes--;
  forget_node();
  edge = 0;
  follows = false;
  decides = false;
  readers = readers & (15 - (1 << me));
  if
  :: me < CREATOR -> die_with_hands()
  :: me == CREATOR -> cut_off = send_due
  :: me == SWEEPER
  fi
}

#if ONLY_WORKERS_DIE
#define may_die (crashes > 0 && me < CREATOR)
#else
#define may_die (crashes > 0)
#endif
/* Another one comes in its place. (Without crashes there is half of the code.) */
#if CRASHES
#define dies d_step { may_die -> die() }; goto died
#else
#define dies false; goto died
#endif

/* ---- What follows from an end ---- */

/* Tree::hand_up: what is full is counted in its parent, which may be full then. That a count which is there already is
 * read in place of written (`looks_first`) is the same here. */
inline hand_up()
{
  do
  :: filled && node != ROOT ->
     if
     :: d_step { /* Tree::put_count */
#ifdef COUNT_THE_HAND_UPS
          node = parent_of(node);
          if
          :: counts[first_child(node)] == 0 -> counts[first_child(node)] = failed + 1
          :: else -> counts[first_child(node) + 1] = failed + 1
          fi;
#else
          promise(counts[node] == 0 || counts[node] == failed + 1, "broken: a count in the tree is final\n");
          counts[node] = failed + 1;
          node = parent_of(node);
#endif
          look_at_node()
        }
     :: dies
     fi
  :: !(filled && node != ROOT) -> break
  od
}

/* Headers::finish: reads, decides, and swaps on the version that was read. `and_marks`: the sealer's, who says in the same
 * write that the tree is marked (where others had finished it, that is a write of its own here). `follows` is what
 * complete_finished makes of the answer. */
inline finish_header(and_marks)
{
  do
  :: if
     :: d_step { finished -> follows = !finish_sent }; break
     :: d_step { !finished -> decides = true; readers = readers | (1 << me) }
     :: dies
     fi;
#ifdef FINISH_SENT_BEFORE_THE_SWAP
     d_step { queue[FINISH]++ };
#endif
     if
#ifdef FINISH_WITHOUT_SWAP
     :: d_step {
          decides ->
#else
     :: d_step {
          (readers >> me) & 1 ->
#endif
          promise(!finished, "broken: the finish is decided once\n");
          promise(all_have_ended, "broken: a cluster finishes when all its tasks have ended\n");
          promise(failed == failed_tasks, "broken: a failed task is counted once\n");
          finished = true;
          marked = marked || and_marks;
          follows = !finish_sent;
          decides = false;
          write_header()
        };
        break
     :: d_step { !((readers >> me) & 1) -> decides = false } /* Refused: others wrote it. */
     :: dies
     fi
  od
}

/* complete_finished, of a cluster without a parent. The message's record comes before it; here one that is not there is as
 * one that is free, since a claim makes it. */
inline follow_finish()
{
  if
  :: follows ->
     if
     :: d_step { queue[FINISH]++ } /* send_cluster_message */
     :: dies
     fi;
     if
     :: d_step { follows = false; finish_sent = true; write_header() } /* mark_round */
     :: dies
     fi
  :: !follows
  fi
}

inline propagate()
{
  hand_up();
  if
  :: filled && root -> finish_header(false)
  :: !(filled && root)
  fi;
  forget_node();
  follow_finish()
}

/* ---- Sealing: AwsLedger::seal, Tree::mark. `edge` is the last node of each level in turn, from the leaves on. ---- */

inline seal()
{
  if
  :: d_step { finished || marked -> follows = finished && !finish_sent }
  :: d_step { !finished && !marked -> edge = LEAVES - 1 }; mark_tree()
  :: dies
  fi;
  follow_finish()
}

inline mark_tree()
{
#ifdef MARKED_BEFORE_THE_SIZES
  d_step { marked = true; write_header() };
#endif
  do
  :: if
     :: d_step {
#ifndef SEAL_WITHOUT_SIZES
          sized = sized | (1 << edge);
#endif
          if :: edge == ROOT -> rooted = true :: else fi;
          node = edge;
          look_at_node()
        }
     :: dies
     fi;
     if
     :: edge == ROOT -> break
#ifdef SEALER_LEAVES_FULL_NODES
     :: edge != ROOT -> forget_node(); edge = parent_of(edge)
#else
     :: edge != ROOT -> hand_up(); edge = parent_of(edge) /* Who is handed up to the root finds it again at the top. */
#endif
     fi
  od;
  if
  :: filled -> finish_header(true)
  :: !filled
  fi;
  if
  :: d_step { !marked -> marked = true; follows = finished && !finish_sent; write_header() } /* note_marked */
  :: d_step { marked -> follows = finished && !finish_sent }
  :: dies
  fi;
  forget_node();
  edge = 0
}

/* ---- A worker: dispatch.cpp, dispatch_finish.cpp, leaf_writer.cpp, ledger_ends.cpp ---- */

/* Who receives during a live lease puts the message back and has changed nothing: such receives are left out. A live lease
 * is met all the same, by who received before it was taken. */
#define receivable(record) (queue[record] > 0 && !is_live(cells[record]))
#define receives(record) \
  d_step { receivable(record) -> message[me] = record; queue[record]-- } \
  :: d_step { receivable(record) && duplicates > 0 -> duplicates--; message[me] = record }

#define is_as_seen (cell == seen[me])
#define attempts_are_left(cell) (attempts_of(cell) < ATTEMPTS_MAX)
#ifdef IGNORE_LIVE_LEASE
#define may_be_taken(cell) (!has_ended(cell))
#else
#define may_be_taken(cell) (!has_ended(cell) && !is_live(cell))
#endif
#define holds (state_of(cell) == LEASED && token_of(cell) == my_token)
#ifdef END_WITHOUT_TOKEN
#define may_end (!has_ended(cell))
#elif defined(FINISH_NOT_CLAIMED)
#define may_end (holds || (message[me] == FINISH && !has_ended(cell)))
#else
#define may_end holds
#endif
#ifdef CLAIM_WITHOUT_CONDITION
#define claim_fits true
#elif defined(FINISH_NOT_CLAIMED)
#define claim_fits (is_as_seen && message[me] != FINISH)
#else
#define claim_fits is_as_seen
#endif
#ifdef FAIL_WITHOUT_CONDITION
#define failing_fits true
#else
#define failing_fits is_as_seen
#endif
#ifdef ATTEMPTS_COUNTED_AT_END
#define attempts_claimed attempts_of(seen[me])
#define attempts_ended (attempts_of(cell) + 1)
#else
#define attempts_claimed (attempts_of(seen[me]) + 1)
#define attempts_ended attempts_of(cell)
#endif

/* An end is answered with the whole leaf. There is none of a finish message. */
inline look_at_leaf()
{
  if
  :: message[me] != FINISH -> node = leaf_of(message[me]); look_at_node()
  :: else
  fi
}

inline end_as(state)
{
#ifdef FULL_BEFORE_THE_WRITE
  look_at_leaf();
  write_cell(message[me], cell_with(state, attempts_ended, 0));
#else
  write_cell(message[me], cell_with(state, attempts_ended, 0));
  look_at_leaf();
#endif
  handling[me] = false
}

inline start_handler()
{
  promise(!has_ended(cell), "broken: no handler starts for what has ended\n");
  promise(!(handling[1 - me] && !late[1 - me] && message[1 - me] == message[me]),
          "broken: no two handlers of one record run at a time\n");
  promise(message[me] != FINISH || finished, "broken: the finish is handled when the cluster is finished\n");
  starts[message[me]]++;
  promise(starts[message[me]] <= ATTEMPTS_MAX, "broken: there are no more starts than attempts\n");
  handling[me] = true
}

active [2] proctype Worker()
{
  byte node, failed, edge;
  bool filled, root, follows, decides;

died:
end_idle:
  if
  :: receives(0)
  :: receives(1)
#if TASKS > 2
  :: receives(2)
#endif
  :: receives(FINISH)
  fi;

  /* Batch::claim, core::claim_cell. What may be delivered for the first time is taken for free, without a look; a write that
   * is refused tells what is there, as a look would. */
  do
#ifdef FINISH_NOT_CLAIMED
  :: d_step { message[me] == FINISH && !has_ended(cell) -> start_handler() }; break
#endif
  :: d_step {
       may_be_taken(seen[me]) && attempts_are_left(seen[me]) && claim_fits ->
       start_handler();
       write_cell(message[me], cell_with(LEASED, attempts_claimed, my_token));
       seen[me] = 0
     };
     break
  :: d_step { may_be_taken(seen[me]) && attempts_are_left(seen[me]) && !claim_fits -> seen[me] = cell }
  :: d_step { is_live(seen[me]) -> put_back() }; goto end_idle
     /* Batch::fail_unanswered, on condition of what was seen; then it goes on as with what had ended before. */
  :: d_step {
       may_be_taken(seen[me]) && !attempts_are_left(seen[me]) && failing_fits ->
       write_cell(message[me], cell_with(FAILED, attempts_of(seen[me]), 0));
       seen[me] = cell
     }
  :: d_step { may_be_taken(seen[me]) && !attempts_are_left(seen[me]) && !failing_fits -> seen[me] = cell }
     /* Batch::repeat_finish, AwsLedger::propagate */
#ifdef REDELIVERY_PUT_BACK
  :: d_step { has_ended(seen[me]) -> put_back() }; goto end_idle
#endif
  :: d_step {
       has_ended(seen[me]) ->
       seen[me] = 0;
#ifndef REDELIVERY_REPEATS_NOTHING
       look_at_leaf()
#endif
     };
     goto follows_up
#if CRASHES
  :: d_step { may_die && has_ended(seen[me]) -> die() }; goto died /* Before, it has changed nothing. */
#endif
  od;

#ifdef DELETE_BEFORE_END
  deleted[me] = true;
#endif

  /* The handler runs; then Ending::run, LeafWriter::write. */
  do
  :: d_step { expiries > 0 && !late[me] -> expiries--; late[me] = true; queue[message[me]]++ }
  :: d_step { may_end -> end_as(DONE) }; break
  :: d_step {
       may_end && failures > 0 && attempts_are_left(cell) ->
       failures--;
       write_cell(message[me], cell_with(BACKING_OFF, attempts_ended, 0));
       put_back()
     };
     goto end_idle
  :: d_step { may_end && failures > 0 && !attempts_are_left(cell) -> failures--; end_as(FAILED) }; break
  :: d_step { !may_end && has_ended(cell) -> handling[me] = false; look_at_leaf() }; break /* already: propagate */
  :: d_step { !may_end && !has_ended(cell) -> put_back() }; goto end_idle /* lease_lost */
  :: dies
  od;

follows_up:
#ifdef DELETE_BEFORE_FOLLOWING
  late[me] = true; /* There is nothing to be put back. */
#endif
  if
  :: message[me] == FINISH ->
     if
     :: d_step { !finish_done -> finish_done = true; finish_sent = true; write_header() } /* mark_finish_done */
     :: d_step { finish_done }
     :: dies
     fi
  :: message[me] != FINISH -> propagate()
  fi;
  if
  :: d_step { forget_delivery() } /* Settlement::remove */
  :: dies
  fi;
  goto end_idle
}

/* ---- Whoever creates the cluster: creation.cpp, sender.cpp ---- */

inline send_tasks(positions) /* TaskSender::flush: a batch is one call. */
{
  queue[0] = queue[0] + ((positions) & 1);
#if TASKS > 2
  queue[2] = queue[2] + (((positions) >> 2) & 1);
#endif
  queue[1] = queue[1] + (((positions) >> 1) & 1)
}

active proctype Creator()
{
  byte node, failed, edge;
  bool filled, root, follows, decides;

begin:
#if OPEN
  if
  :: d_step { !added -> added = true; send_due = true; write_header() } /* add_tasks, once by its key */
  :: d_step { added }
  :: dies
  fi;
#else
#ifdef CREATED_WITHOUT_MARK
  d_step { sealed = true };
#else
  d_step { sealed = true; send_due = true }; /* create_cluster. What comes before it leaves no cluster. */
#endif
  seal();
#endif
#ifdef CREATED_WITHOUT_MARK
  if
  :: d_step { send_tasks(ALL_TASKS) }
  :: dies
  fi;
#endif
  if
  :: d_step { send_due -> send_tasks(ALL_TASKS) };
     if
     :: d_step { send_due = false; cut_off = false; write_header() } /* clear_marks */
     :: dies
     fi
  :: d_step { !send_due } /* The sends are out. */
  :: dies
  fi;
#if OPEN
  if
  :: d_step { !sealed -> sealed = true; write_header() } /* AwsLedger::seal: the size into the header, then on the tree */
  :: d_step { sealed }
  :: dies
  fi;
  seal();
#endif
  goto ended;

died:
#if OPEN
  goto begin; /* Who adds and seals does it again until it is answered. */
#endif
ended:
  skip
}

/* ---- The sweep: sweep.cpp, sweep_plan.cpp, resend.cpp. One at a time, by its lease on the cluster. ---- */

#define seal_is_due (sealed && !marked && !finished)
#define resend_is_due (!finished && ((send_due && cut_off) || resend_due || tasks_lost))
#define second_finish_is_due (finished && finish_sent && !finish_done && finish_lost)
#ifdef SWEEP_FORGETS_THE_FINISH
#define follow_is_due false
#else
#define follow_is_due (finished && !finish_sent)
#endif
#define something_is_due (seal_is_due || resend_is_due || second_finish_is_due || follow_is_due)
#if EARLY_SWEEPS
#define may_sweep true
#else
#define may_sweep timeout
#endif

active proctype Sweeper()
{
  byte node, failed, edge, open;
  bool filled, root, follows, decides;

died:
  open = 0;
end_idle:
  if
  :: may_sweep && seal_is_due -> seal()
  :: atomic { may_sweep && resend_is_due -> d_step { resend_due = true; tasks_lost = false; write_header() } };
     if
     :: d_step { open = open_tasks } /* list_open_tasks */
     :: dies
     fi;
     if
     :: d_step { send_tasks(open); open = 0 }
     :: dies
     fi;
#ifndef SWEEP_HANDS_UP_NOTHING
     do /* Resend::hand_up_ended, AwsLedger::propagate: for one task of each leaf */
     :: edge < LEAVES ->
        if
        :: d_step { node = edge; look_at_node() }
        :: dies
        fi;
        propagate();
        edge++
     :: edge == LEAVES -> edge = 0; break
     od;
#endif
     if
     :: d_step { resend_due = false; send_due = false; cut_off = false; write_header() } /* clear_marks */
     :: dies
     fi
  :: atomic { /* send_finish_again */
       may_sweep && second_finish_is_due ->
       d_step { finish_sent = false; finish_lost = false; follows = true; write_header() }
     };
     follow_finish()
  :: atomic { may_sweep && follow_is_due -> follows = true }; follow_finish()
  fi;
  goto end_idle
}

/* ---- What nobody does ---- */

inline lose_messages()
{
  tasks_lost = tasks_lost || (queued_tasks > 0 && !finished);
  finish_lost = finish_lost || (queue[FINISH] > 0 && !finish_done);
  queue[0] = 0;
  queue[1] = 0;
#if TASKS > 2
  queue[2] = 0;
#endif
  queue[FINISH] = 0
}

active proctype World()
{
end_idle:
  do
#if RETENTIONS
  :: d_step { retentions > 0 && queued_tasks + queue[FINISH] > 0 -> retentions--; lose_messages() }
#endif
  :: timeout && !something_is_due -> /* Nothing moves any more. */
     d_step {
       promise(all_have_ended, "broken: no task is lost\n");
       promise(finished, "broken: a cluster whose tasks have ended is finished\n");
       promise(finish_done, "broken: the finish is handled\n")
     };
     break
  od
}
