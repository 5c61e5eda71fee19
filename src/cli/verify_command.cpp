#include "cli/cluster_argument.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

namespace fanfold::cli {
namespace {

struct VerifyOptions {
  std::string cluster;
};

JsonObject verification_json(const ClusterHeader& header, const Verification& verification) {
  std::string checks;
  for (const Verification::Check& check : verification.checks) {
    if (!checks.empty()) checks += ',';
    checks += JsonObject().text("promise", check.promise).flag("holds", check.holds).text("found", check.found).line();
  }
  const Recount& recount = verification.recount;
  JsonObject counts;
  counts.count("free", recount.free_count)
      .count("leased", recount.leased_count)
      .count("waiting", recount.waiting_count);
  counts.count("complete", recount.done_count)
      .count("failed", recount.failed_count)
      .count("attempts", recount.attempt_count);
  JsonObject object;
  object.text("cluster", key_of(header).p_key)
      .flag("holds", verification.holds())
      .count("total", verification.progress.total_count)
      .flag("finished", verification.progress.finished)
      .json("recount", Json::from_valid_text(counts.line()))
      .json("checks", Json::from_valid_text("[" + checks + "]"));
  return object;
}

Result<ExitCode> verify(const Invocation& invocation, const VerifyOptions& options) {
  auto client = open_store(invocation.common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, options.cluster);
  if (!header) return std::move(header).error();
  auto verification = client->verify(key_of(*header));
  if (!verification) return std::move(verification).error();
  if (invocation.common.json) {
    print_line(verification_json(*header, *verification).line());
  } else {
    for (const Verification::Check& check : verification->checks) {
      print_line(fmt::format("{:<8} {}: {}", check.holds ? "ok" : "DIFFERS", check.promise,
                             printable(check.found, Newlines::escape)));
    }
    print_line(
        fmt::format("{}: {}", label_of(*header), verification->holds() ? "every check holds" : "the records differ"));
  }
  return verification->holds() ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

void add_verify_command(Command app, Invocation& invocation) {
  auto command = add_command<VerifyOptions>(
      app, invocation, "verify", "Recount a cluster from its tasks' records and compare; exit code 1 where they differ",
      "fanfold verify photos", verify);
  add_cluster_argument(command.app, command.options.cluster);
}

}  // namespace fanfold::cli
