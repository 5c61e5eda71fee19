#include "cli/commands.hpp"

namespace fanfold::cli {

void add_cluster_command(Command app, Invocation& invocation) {
  Command cluster = app.group("cluster", "Create, watch and steer clusters");
  add_cluster_build_commands(cluster, invocation);
  add_cluster_look_commands(cluster, invocation);
  add_cluster_steer_commands(cluster, invocation);
  add_retry_command(cluster, invocation);
}

}  // namespace fanfold::cli
