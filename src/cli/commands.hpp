#pragma once

#include "cli/invocation.hpp"

/// One function per command: declares its options and what it does. Each lives in a file of its name.
namespace fanfold::cli {

void add_run_command(CLI::App& app, Invocation& invocation);
void add_work_command(CLI::App& app, Invocation& invocation);
void add_send_command(CLI::App& app, Invocation& invocation);
void add_cluster_command(CLI::App& app, Invocation& invocation);
void add_cluster_build_commands(CLI::App& cluster, Invocation& invocation);  ///< create, open, add, seal
void add_cluster_look_commands(CLI::App& cluster, Invocation& invocation);   ///< ls, show, watch
void add_cluster_steer_commands(CLI::App& cluster, Invocation& invocation);  ///< stop, pause, resume, rm
/// `cluster retry`, and the same at the top, where the output of `errors` points people to.
void add_retry_command(CLI::App& parent, Invocation& invocation);
void add_tasks_command(CLI::App& app, Invocation& invocation);
void add_errors_command(CLI::App& app, Invocation& invocation);
void add_logs_command(CLI::App& app, Invocation& invocation);
void add_results_command(CLI::App& app, Invocation& invocation);
void add_why_command(CLI::App& app, Invocation& invocation);
void add_verify_command(CLI::App& app, Invocation& invocation);
void add_globals_command(CLI::App& app, Invocation& invocation);
void add_queue_command(CLI::App& app, Invocation& invocation);
void add_sweep_command(CLI::App& app, Invocation& invocation);
void add_backup_command(CLI::App& app, Invocation& invocation);
void add_prune_command(CLI::App& app, Invocation& invocation);
/// Shell completions and the man page, made from the commands declared so far.
void add_completion_command(CLI::App& app, Invocation& invocation);
void add_man_command(CLI::App& app, Invocation& invocation);

}  // namespace fanfold::cli
