#include "cli/commands.hpp"

namespace fanfold::cli {

void add_cluster_command(CLI::App& app, Invocation& invocation) {
  CLI::App* cluster = app.add_subcommand("cluster", "Create, watch and steer clusters");
  cluster->require_subcommand(1);
  cluster->fallthrough();
  add_cluster_build_commands(*cluster, invocation);
  add_cluster_look_commands(*cluster, invocation);
  add_cluster_steer_commands(*cluster, invocation);
  add_retry_command(*cluster, invocation);
}

}  // namespace fanfold::cli
