#include "cli/run_job.hpp"

#include "cli/cluster_argument.hpp"
#include "cli/cluster_state.hpp"
#include "cli/text.hpp"

#include "support/hash.hpp"

#include <fanfold/json.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace fanfold::cli {

/// What a cluster of `run` keeps of its job, in its meta.
struct RunMeta {
  std::string job;
  std::string list;
  std::uint64_t generation = 0;
  std::vector<std::string> command;  // For people: bytes that are no UTF-8 are replaced.
  std::optional<bool> anew;          // By --again: what was before it does not count.
};
BOOST_DESCRIBE_STRUCT(RunMeta, (), (job, list, generation, command, anew))
struct RunClusterMeta {
  RunMeta run;
};
BOOST_DESCRIBE_STRUCT(RunClusterMeta, (), (run))

namespace {

constexpr std::size_t page_count_max = 1000;
constexpr std::size_t job_clusters_max = 1000;  ///< Older ones are not looked at.
constexpr std::uint64_t generation_max = 10'000;
constexpr std::size_t queue_name_bytes_max = 40;
constexpr unsigned index_bits = 40;  ///< Of a task, beside the number of its cluster, in one value of a ContentMap.

std::optional<RunMeta> run_meta(const ClusterHeader& header) {
  if (!header.meta) return std::nullopt;
  auto meta = Codec<RunClusterMeta>::decode(*header.meta);
  if (!meta) return std::nullopt;
  return std::move(meta->run);
}

bool can_go_on(const ClusterHeader& header) {
  return !header.stopped() && !header.tombstone && header.expires_at > now();
}

/// Equal contents are told apart by their occurrence.
ContentHash occurrence_of(const ContentHash& content, std::uint64_t occurrence) {
  return {content.low + occurrence * 0x9E3779B97F4A7C15U, content.high ^ occurrence};
}

std::string creation_hash(const RunJob& job, const RunList& list, std::uint64_t generation) {
  return digest_text(fmt::format("{}/{}/{}", job.hash(), list.hash, generation));
}

std::string queue_of(const RunJob& job, const std::string& hash) {
  std::string queue = "run-";
  for (const char c : job.name.substr(0, queue_name_bytes_max)) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    queue += plain ? c : '-';
  }
  constexpr std::size_t hash_shown = 12;
  return queue + "-" + hash.substr(0, hash_shown);
}

}  // namespace

std::string RunJob::hash() const {
  std::string all = name;
  for (const std::string& part : command) all.append(1, '\0').append(part);
  return digest_text(all);
}

Result<RunList> read_list(TaskInput& input) {
  ListHash hash;
  for (;;) {
    auto body = input.next();
    if (!body) return std::move(body).error();
    if (!body->has_value()) return RunList{hash.count(), hash.text()};
    hash.add(**body);
  }
}

bool is_of_run(const ClusterHeader& header) {
  const std::string_view url = header.queue_url;
  return url.substr(url.rfind('/') + 1).starts_with("run-");
}

Error error_of_moved(const ClusterHeader& header) {
  const std::string& to = header.moved_to;
  if (header.moving())
    return {ErrorCode::conflict, fmt::format("{}: is {}; fanfold push goes on with that", label_of(header), to), {}};
  return {ErrorCode::conflict,
          fmt::format("{}: was moved to {}; the same command with --store aws goes on there, --again starts anew here",
                      label_of(header), to),
          {}};
}

bool is_made_anew(const ClusterHeader& header) {
  const auto meta = run_meta(header);
  return meta && meta->anew.value_or(false);
}

bool is_being_created(const ClusterHeader& header) {
  return !header.sealed() ||
         std::ranges::any_of(header.due, [](const DueMark& mark) { return mark.kind == DueMark::Kind::creation; });
}

namespace {

/// Sorts the clusters of a job, which come the newest first.
class JobSearch {
 public:
  JobSearch(std::string job, std::string list, bool again)
      : job_(std::move(job)), list_(std::move(list)), again_(again) {}

  void see(ClusterHeader&& header) {
    const auto meta = run_meta(header);
    if (meta && meta->job != job_ && !header.tombstone) found_.has_other_program = true;
    if (!meta || meta->job != job_) return;
    const bool anew = meta->anew.value_or(false);
    const bool same_list = meta->list == list_;
    const bool counts = !is_superseded_ && !found_.same_list;
    const bool goes_on = same_list && counts && can_go_on(header) && (!again_ || (anew && is_being_created(header)));
    // A key is never used twice, so that one which cannot go on is counted, whatever came after it.
    if (same_list && !found_.same_list)
      found_.generation = std::max(found_.generation, meta->generation + (goes_on ? 0 : 1));
    if (goes_on) {
      found_.generation = meta->generation;
      found_.same_list = std::move(header);
    } else if (again_) {
      const bool is_newest = same_list && counts && can_go_on(header) && !has_newest_;
      has_newest_ = has_newest_ || is_newest;
      if (is_newest && !header.finished()) found_.left_open = std::move(header);
    } else if (!is_superseded_ && !header.tombstone && found_.others.size() < job_clusters_max) {
      found_.others.push_back(std::move(header));
    }
    is_superseded_ = is_superseded_ || anew;
  }
  [[nodiscard]] JobClusters take() && { return std::move(found_); }

 private:
  const std::string job_;
  const std::string list_;
  const bool again_;
  bool is_superseded_ = false;  // By a start with --again.
  bool has_newest_ = false;     // With --again: what would go on without has been seen.
  JobClusters found_;
};

}  // namespace

Result<JobClusters> find_job(const Client& client, const RunJob& job, const RunList& list, bool again) {
  JobSearch search(job.hash(), list.hash, again);
  ClusterQuery query{.unfinished_only = false, .name = job.name, .cursor = {}, .count_max = page_count_max};
  do {
    auto page = client.list_clusters(query);
    if (!page) return std::move(page).error();
    for (ClusterHeader& header : page->clusters) search.see(std::move(header));
    query.cursor = page->next_cursor;
  } while (!query.cursor.empty());
  return std::move(search).take();
}

Result<void> CompletedElsewhere::read(const Client& client, const std::vector<ClusterHeader>& sources,
                                      TaskInput& input) {
  ContentMap done;
  for (const ClusterHeader& header : sources) {
    auto progress = client.progress(key_of(header));
    if (!progress) return std::move(progress).error();
    if (progress->done_count == 0) continue;
    sources_.push_back({key_of(header)});
    if (auto read = read_source(client, sources_.size() - 1, done); !read) return read.error();
  }
  if (done.size() == 0) return {};
  ContentMap seen;
  if (auto start = input.rewind(); !start) return start.error();
  for (std::uint64_t index = 0;; ++index) {
    auto body = input.next();
    if (!body) return std::move(body).error();
    if (!body->has_value()) return {};
    const ContentHash content = hash_content(**body);
    const std::uint64_t* where = done.find(occurrence_of(content, seen[content]++));
    if (where == nullptr) continue;
    tasks_.push_back(
        {index, *where & ((std::uint64_t{1} << index_bits) - 1), static_cast<std::size_t>(*where >> index_bits)});
  }
}

Result<void> CompletedElsewhere::read_source(const Client& client, std::size_t source, ContentMap& done) {
  ContentMap seen;
  std::optional<std::uint64_t> next = 0;
  while (next) {
    auto page = client.list_tasks(sources_[source].cluster, {}, *next, page_count_max);
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) {
      const ContentHash content = hash_content(task.body.text());
      const std::uint64_t occurrence = seen[content]++;
      if (task.status != Status::complete) continue;
      done[occurrence_of(content, occurrence)] = static_cast<std::uint64_t>(source) << index_bits | task.index;
    }
    next = page->next_index;
  }
  return {};
}

const CompletedElsewhere::Task* CompletedElsewhere::task_at(std::uint64_t index) const {
  const auto found = std::lower_bound(tasks_.begin(), tasks_.end(), index,
                                      [](const Task& task, std::uint64_t value) { return task.index < value; });
  return found != tasks_.end() && found->index == index ? &*found : nullptr;
}

std::optional<CompletedElsewhere::Where> CompletedElsewhere::find(std::uint64_t index) const {
  const Task* task = task_at(index);
  if (task == nullptr) return std::nullopt;
  return Where{sources_[task->source].cluster, task->source_index};
}

Result<std::optional<Json>> CompletedElsewhere::result_of_task(const Client& client, const Task& task) const {
  Source& source = sources_[task.source];
  {
    const std::scoped_lock lock(mutex_);
    if (task.source_index >= source.gap_begin && task.source_index < source.gap_end) return std::optional<Json>();
  }
  auto page = client.core()->results(source.cluster, task.source_index, 1);
  if (!page) return std::move(page).error();
  if (!page->results.empty() && page->results.front().index == task.source_index)
    return std::optional<Json>(std::move(page->results.front().result));
  // What the read skipped need not be read again: results may be few among many tasks.
  const std::scoped_lock lock(mutex_);
  source.gap_begin = task.source_index;
  source.gap_end = !page->results.empty() ? page->results.front().index : page->next_index.value_or(UINT64_MAX);
  return std::optional<Json>();
}

std::optional<Outcome> CompletedElsewhere::settle(const Client& client, std::uint64_t index) const {
  const Task* task = task_at(index);
  if (task == nullptr) return std::nullopt;
  auto result = result_of_task(client, *task);
  if (!result) return retry(result.error().message);
  ++settled_count_;
  return result->has_value() ? done(**result) : done();
}

Result<MessageKey> create_run_cluster(const Client& client, const RunJob& job, const RunList& list,
                                      std::uint64_t generation, bool anew, TaskInput& input,
                                      const std::stop_token& stop) {
  RunMeta meta{.job = job.hash(), .list = list.hash, .generation = generation, .command = {}, .anew = {}};
  if (anew) meta.anew = true;
  for (const std::string& part : job.command) meta.command.push_back(as_utf8(part));
  // A deleted cluster's key is never used again, and none of its records are left to count it by.
  for (; generation < generation_max; ++generation) {
    meta.generation = generation;
    const std::string hash = creation_hash(job, list, generation);
    ListHash read_again;
    if (auto start = input.rewind(); !start) return start.error();
    const auto next_task = [&]() -> Result<std::optional<TaskData>> {
      if (stop.stop_requested())
        return Error{ErrorCode::cancelled, "interrupted before anything ran; the same command starts again", {}};
      auto body = input.next();
      if (!body) return std::move(body).error();
      if (body->has_value()) {
        read_again.add(**body);
        return std::optional<TaskData>(TaskData{std::move(**body), {}});
      }
      if (read_again.text() == list.hash) return std::optional<TaskData>();
      return Error{
          ErrorCode::different_tasks, fmt::format("{} changed while it was read; nothing has run", input.name()), {}};
    };
    ClusterOptions options;
    options.name = job.name;
    options.finish_handler_required = job.has_on_finish;
    options.idempotency_key = hash;
    options.meta = RunClusterMeta{meta};
    options.trace = TraceContext::from_environment();
    const detail::NewCluster cluster{
        .queue = queue_of(job, hash), .options = std::move(options), .open = false, .parent = std::nullopt};
    auto key = client.core()->create_cluster(cluster, next_task);
    if (!key && key.error().code == ErrorCode::not_found) {
      // SQS makes no queue by itself. The list is read when the queue is there, so nothing of it was taken yet.
      if (auto made = client.create_queue(cluster.queue); !made) return std::move(made).error();
      key = client.core()->create_cluster(cluster, next_task);
    }
    if (key || key.error().code != ErrorCode::deleted) return key;
  }
  return Error{ErrorCode::deleted, "this list was run and deleted too often", {}};
}

}  // namespace fanfold::cli
