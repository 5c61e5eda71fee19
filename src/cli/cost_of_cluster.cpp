#include "cli/cost_of_cluster.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/store.hpp"

#include "engine/engine.hpp"

#include <algorithm>

namespace fanfold::cli {
namespace {

/// So many tasks, and results, stand for all; so many attempts' outputs.
constexpr std::size_t sample_count = 1'000;
constexpr std::size_t output_sample_count = 20;

Result<std::uint64_t> payload_bytes(const Client& client, const MessageKey& key) {
  auto page = client.list_tasks(key, {}, 0, sample_count);
  if (!page) return std::move(page).error();
  std::uint64_t bytes = 0;
  for (const TaskState& task : page->tasks) bytes += task.body.text().size();
  return page->tasks.empty() ? 0 : bytes / page->tasks.size();
}

Result<std::uint64_t> result_bytes(const Client& client, const MessageKey& key) {
  auto page = client.core()->results(key, 0, sample_count);
  if (!page) return std::move(page).error();
  std::uint64_t bytes = 0;
  for (const auto& result : page->results) bytes += result.result.text().size();
  return page->results.empty() ? 0 : std::max<std::uint64_t>(1, bytes / page->results.size());
}

Result<std::uint64_t> output_bytes(const Client& client, const ClusterHeader& header) {
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  const std::uint64_t tasks = std::min<std::uint64_t>(header.task_count, output_sample_count);
  for (std::uint64_t index = 0; index < tasks; ++index) {
    auto outputs = client.outputs(MessageKey::of_task(header.id, index));
    if (!outputs) return std::move(outputs).error();
    for (const AttemptOutput& output : *outputs) bytes += output.output.size();
    count += outputs->size();
  }
  return count == 0 ? 0 : std::max<std::uint64_t>(1, bytes / count);
}

/// Of one round after the first, which keeps a list of its tasks.
Result<std::uint64_t> round_size(Ledger& ledger, const ClusterHeader& header, std::uint32_t round) {
  if (round == header.round && header.round_size) return *header.round_size;
  std::uint64_t low = 0;
  std::uint64_t high = header.task_count;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    auto found = ledger.read_round(header.id, round, middle, 1);
    if (!found) return std::move(found).error();
    if (found->empty())
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

Result<void> add_rounds(Ledger& ledger, const ClusterHeader& header, aws::Workload& workload) {
  workload.round_count = header.round;
  for (std::uint32_t round = 1; round <= header.round; ++round) {
    auto size = round_size(ledger, header, round);
    if (!size) return std::move(size).error();
    workload.round_task_count += *size;
  }
  return {};
}

/// Attempts of the newest round beyond the first of each task that has begun.
std::uint64_t retries_of(const Recount& recount, const ClusterHeader& header) {
  const std::uint64_t open = recount.free_count;
  const std::uint64_t size = header.round_size.value_or(header.task_count);
  const std::uint64_t begun = size > open ? size - open : 0;
  return recount.attempt_count > begun ? recount.attempt_count - begun : 0;
}

}  // namespace

Result<CostOfCluster> cost_of_cluster(const CommonOptions& common, const std::string& cluster,
                                      const aws::Workload& workers) {
  auto client = open_store(common, StoreUse::read);
  if (!client) return std::move(client).error();
  auto header = find_cluster(*client, cluster);
  if (!header) return std::move(header).error();
  const MessageKey key = key_of(*header);
  auto verification = client->verify(key);
  if (!verification) return std::move(verification).error();
  auto payload = payload_bytes(*client, key);
  if (!payload) return std::move(payload).error();
  auto result = result_bytes(*client, key);
  if (!result) return std::move(result).error();
  auto output = output_bytes(*client, *header);
  if (!output) return std::move(output).error();

  CostOfCluster cost{.header = *header, .whole = workers};
  cost.is_on_aws = is_on_aws(common);
  if (cost.is_on_aws) cost.whole.has_bucket = header->bucket_params.has_value();
  cost.whole.task_count = header->task_count;
  cost.whole.payload_bytes = *payload;
  cost.whole.result_bytes = *result;
  cost.whole.output_bytes = *output;
  if (auto added = add_rounds(engine::Engine::of(*client)->store().ledger(), *header, cost.whole); !added)
    return std::move(added).error();
  const Progress& progress = verification->progress;
  cost.whole.retry_count = retries_of(verification->recount, *header);
  // Every task of a round had failed before.
  cost.whole.failed_count = progress.failed_count + cost.whole.round_task_count;
  cost.ended_count = progress.done_count + progress.failed_count;
  cost.is_over = header->finished() || !header->moved_to.empty();

  cost.to_come = cost.whole;
  cost.to_come.is_sent = true;
  cost.to_come.task_count = header->task_count - std::min(header->task_count, cost.ended_count);
  cost.to_come.retry_count = cost.to_come.failed_count = 0;
  cost.to_come.round_count = cost.to_come.round_task_count = 0;
  return cost;
}

}  // namespace fanfold::cli
