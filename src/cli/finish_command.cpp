#include "cli/finish_command.hpp"

#include "cli/subprocess.hpp"
#include "cli/task_command.hpp"
#include "cli/telemetry.hpp"
#include "cli/trace_variables.hpp"

namespace fanfold::cli {
namespace {

Outcome run_finish_command(const std::string& command, const std::vector<std::string>& given, Telemetry* telemetry,
                           const MessageCluster<>& cluster, const Context& context) {
  const Telemetry::Running running(telemetry, {.work = metrics::Work::finish,
                                               .record_id = cluster.key.p_key.substr(key_prefix.size()),
                                               .task = {},
                                               .number = context.attempt});
  std::vector<std::string> arguments{"sh", "-c", command};
  std::vector<std::string> own{"FANFOLD_CLUSTER=" + cluster.key.p_key, "FANFOLD_NAME=" + cluster.record.name,
                               "FANFOLD_STATUS=" + std::string(to_string(cluster.record.status)),
                               "FANFOLD_ATTEMPT=" + std::to_string(context.attempt)};
  std::vector<char*> argument_pointers;
  for (std::string& argument : arguments) argument_pointers.push_back(argument.data());
  argument_pointers.push_back(nullptr);
  const std::vector<char*> environment = environment_with_trace(own, given, context.trace());
  const ChildProgram program{
      .path = "/bin/sh", .arguments = argument_pointers.data(), .environment = environment.data(), .input = {}};
  return outcome_of(run_child(program, context.stop), {});
}

}  // namespace

ClusterHandler finish_handler_of(std::string command, std::vector<std::string> environment, Telemetry* telemetry) {
  return [command = std::move(command), environment = std::move(environment), telemetry](
             const MessageCluster<>& cluster, const Context& context) {
    return run_finish_command(command, environment, telemetry, cluster, context);
  };
}

}  // namespace fanfold::cli
