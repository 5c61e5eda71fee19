#pragma once

#include "cli/invocation.hpp"

/// One function per command: declares its options and what it does. Each lives in a file of its name.
namespace fanfold::cli {

void add_run_command(Command app, Invocation& invocation);
void add_work_command(Command app, Invocation& invocation);
void add_send_command(Command app, Invocation& invocation);
void add_cluster_command(Command app, Invocation& invocation);
void add_cluster_build_commands(Command cluster, Invocation& invocation);  ///< create, open, add, seal
void add_cluster_look_commands(Command cluster, Invocation& invocation);   ///< ls, show, watch
void add_cluster_steer_commands(Command cluster, Invocation& invocation);  ///< stop, pause, resume, rm
/// `cluster retry`, and the same at the top, where the output of `errors` points people to.
void add_retry_command(Command parent, Invocation& invocation);
void add_tasks_command(Command app, Invocation& invocation);
void add_errors_command(Command app, Invocation& invocation);
void add_logs_command(Command app, Invocation& invocation);
void add_results_command(Command app, Invocation& invocation);
void add_trace_command(Command app, Invocation& invocation);
void add_why_command(Command app, Invocation& invocation);
void add_verify_command(Command app, Invocation& invocation);
void add_globals_command(Command app, Invocation& invocation);
void add_queue_command(Command app, Invocation& invocation);
void add_queue_dead_command(Command queue, Invocation& invocation);
void add_dashboard_command(Command app, Invocation& invocation);
void add_sweep_command(Command app, Invocation& invocation);
void add_cost_command(Command app, Invocation& invocation);
void add_setup_command(Command app, Invocation& invocation);
void add_push_command(Command app, Invocation& invocation);
void add_backup_command(Command app, Invocation& invocation);
void add_prune_command(Command app, Invocation& invocation);
/// Shell completions and the man page, made from the commands declared so far.
void add_completion_command(Command app, Invocation& invocation);
void add_man_command(Command app, Invocation& invocation);

}  // namespace fanfold::cli
