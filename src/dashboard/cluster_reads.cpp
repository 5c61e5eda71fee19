#include "dashboard/cluster_reads.hpp"

#include "dashboard/attention.hpp"
#include "dashboard/timeline.hpp"
#include "engine/inspection.hpp"
#include "views/cluster_state.hpp"
#include "views/queue_name.hpp"

namespace fanfold::dashboard {

namespace {

using views::JsonObject;

constexpr std::size_t text_bytes_max = 256 * 1024;
constexpr std::size_t error_page_max = 10;  ///< With failed tasks in them, at most 1,000 each.
/// With or without: a page is chosen from 65,536 tasks on a file, from 3,200 on AWS, where each of these is paid for.
constexpr std::size_t looked_page_max = 64;
constexpr std::size_t looked_page_max_on_aws = 10;
constexpr std::size_t task_page = 1'000;
constexpr std::size_t queue_count_max = 50;

MessageKey key_of(const std::string& id) { return MessageKey::of_message(id); }

Json policy_json(const ClusterHeader& header) {
  JsonObject policy;
  if (header.attempts_max)
    policy.count("attempts_max", *header.attempts_max);
  else
    policy.json("attempts_max", {});
  policy.flag("fail_fast", header.fail_fast)
      .count("failures_allowed_count", header.failures_allowed_count)
      .decimal("failures_allowed_percent", header.failures_allowed_percent)
      .flag("finish_handler_required", header.finish_handler_required)
      .text("deadline_action", header.deadline_action == DeadlineAction::stop ? "stop" : "report");
  return Json::from_valid_text(policy.line());
}

Json parent_json(const ClusterHeader& header) {
  if (!header.parent) return {};
  JsonObject parent;
  parent.text("cluster", key_of(header.parent->cluster_id).p_key)
      .text("id", header.parent->cluster_id)
      .count("index", header.parent->index);
  return Json::from_valid_text(parent.line());
}

}  // namespace

Json as_text(const Json& json) {
  const std::string& text = json.text();
  if (text.size() > text_bytes_max) return Json::from_valid_text(JsonObject().count("too_large", text.size()).line());
  std::string quoted;
  detail::JsonWriter(quoted).string(text);
  return Json::from_valid_text(std::move(quoted));
}

ClusterReads::ClusterReads(Client client, Options options) : client_(std::move(client)), options_(std::move(options)) {}

Result<std::string> ClusterReads::state_of(const ClusterHeader& header) const {
  auto progress = client_.progress(key_of(header.id));
  if (!progress) return std::move(progress).error();
  JsonObject state = views::state_json(header, *progress);
  state.text("id", header.id)
      .flag("estimated", progress->estimated)
      .flag("sealed", progress->sealed)
      .flag("paused", progress->paused)
      .flag("finish_handled", progress->finish_handled)
      .flag("finish_failed", progress->finish_failed)
      .time("updated_at", header.updated_at)
      .time("deadline", header.deadline)
      .time("expires_at", header.expires_at)
      .text("attention", attention(header, *progress, options_.now()));
  return state.line();
}

Result<std::string> ClusterReads::list(const ClusterQuery& query) const {
  auto page = client_.list_clusters(query);
  if (!page) return std::move(page).error();
  std::string states;
  for (const ClusterHeader& header : page->clusters) {
    auto state = state_of(header);
    if (!state && state.error().code == ErrorCode::not_found) continue;  // Removed between the two looks.
    if (!state) return std::move(state).error();
    states += (states.empty() ? "" : ",") + *state;
  }
  JsonObject list;
  list.json("clusters", Json::from_valid_text("[" + states + "]")).text("next_cursor", page->next_cursor);
  return list.line();
}

Result<std::string> ClusterReads::state(const std::string& id) const {
  auto header = client_.cluster_header(key_of(id));
  if (!header) return std::move(header).error();
  return state_of(*header);
}

Json ClusterReads::with_time(const std::string& text) const {
  return Json::from_valid_text(R"({"at":")" + to_iso8601(options_.now()) + R"(",)" + text.substr(1));
}

Reply ClusterReads::clusters(const serve::Request& request) const {
  auto limit = number_parameter(request, "limit", {.missing = 50, .least = 1, .most = list_count_max});
  if (!limit) return std::move(limit).error();
  auto is_unfinished_only = number_parameter(request, "unfinished", {.most = 1});
  if (!is_unfinished_only) return std::move(is_unfinished_only).error();
  auto list_text = list({.unfinished_only = *is_unfinished_only == 1,
                         .name = request.parameter("name"),
                         .cursor = request.parameter("cursor"),
                         .count_max = *limit});
  if (!list_text) return std::move(list_text).error();
  return with_time(*list_text);
}

Reply ClusterReads::cluster(const std::string& id) const {
  auto header = client_.cluster_header(key_of(id));
  if (!header) return std::move(header).error();
  auto state = state_of(*header);
  if (!state) return std::move(state).error();
  auto finish = views::read_finish(client_, *header);
  if (!finish) return std::move(finish).error();
  JsonObject more;
  more.json("policy", policy_json(*header))
      .json("finish", *finish ? Json::from_valid_text(views::finish_json(**finish)) : Json())
      .json("error", views::errors_json(header->error))
      .json("meta", header->meta ? as_text(*header->meta) : Json())
      .json("parent", parent_json(*header));
  state->back() = ',';
  return with_time(*state + more.line().substr(1));
}

Reply ClusterReads::why(const std::string& id) const {
  auto header = client_.cluster_header(key_of(id));
  if (!header) return std::move(header).error();
  auto reasons = client_.why(key_of(id));
  if (!reasons) return std::move(reasons).error();
  Json lines = array_of(*reasons, [&](const OpenReason& reason) {
    JsonObject line;
    if (reason.index) line.count("index", *reason.index);
    const std::string remedy = options_.phrase_remedy ? options_.phrase_remedy(reason.remedy, *header) : reason.remedy;
    return line.count("count", reason.count).text("cause", reason.cause).text("remedy", remedy).line();
  });
  return Json::from_valid_text(JsonObject().json("reasons", lines).line());
}

Reply ClusterReads::errors(const std::string& id) const {
  auto header = client_.cluster_header(key_of(id));
  if (!header) return std::move(header).error();
  engine::ErrorGroups groups;
  std::uint64_t looked_at = 0;
  std::optional<std::uint64_t> next = 0;
  std::size_t left = error_page_max;
  const std::size_t page_max = options_.is_on_aws ? looked_page_max_on_aws : looked_page_max;
  for (std::size_t count = 0; next && left > 0 && count < page_max; ++count) {
    auto page = client_.core()->list_tasks(key_of(id), {.status = Status::error}, *next, task_page, TaskParts::errors);
    if (!page) return std::move(page).error();
    for (const TaskState& task : page->tasks) groups.add(task);
    looked_at += page->tasks.size();
    left -= page->tasks.empty() ? 0 : 1;
    next = page->next_index;
  }
  JsonObject answer;
  answer.json("groups", array_of(std::move(groups).sorted(), [](const ErrorGroup& group) {
                JsonObject line;
                line.text("fingerprint", group.fingerprint).text("code", group.code).text("message", group.message);
                return line.count("count", group.count).count("first_index", group.first_index).line();
              }));
  return Json::from_valid_text(answer.count("looked_at", looked_at)
                                   .count("tasks", next.value_or(header->task_count))
                                   .flag("complete", !next)
                                   .line());
}

Reply ClusterReads::globals(const std::string& id) const {
  auto header = client_.cluster_header(key_of(id));
  if (!header) return std::move(header).error();
  if (!header->bucket_params) return Json::from_valid_text(R"({"globals":null})");  // A store without a bucket.
  auto globals = client_.get_cluster_globals(key_of(id));
  if (!globals && globals.error().code != ErrorCode::not_found) return std::move(globals).error();
  const Json text = globals ? as_text(*globals) : Json();
  return text.text().starts_with('{') ? text : Json::from_valid_text(JsonObject().json("globals", text).line());
}

Reply ClusterReads::timeline(const std::string& id) const {
  auto header = client_.cluster_header(key_of(id));
  if (!header) return std::move(header).error();
  return timeline_of(client_, *header, options_.now());
}

Reply ClusterReads::queues() const {
  auto urls = client_.queue_port().list();
  if (!urls) return std::move(urls).error();
  const std::size_t more = urls->size() - std::min(urls->size(), queue_count_max);
  urls->resize(urls->size() - more);
  std::string lines;
  for (const std::string& url : *urls) {
    auto counts = client_.queue_port().counts(url);
    if (!counts && views::is_of_one_queue(counts.error().code)) continue;
    if (!counts) return std::move(counts).error();
    auto attributes = client_.queue_port().attributes(url);
    if (!attributes && views::is_of_one_queue(attributes.error().code)) continue;
    if (!attributes) return std::move(attributes).error();
    JsonObject line;
    line.text("queue", views::queue_name_of(url))
        .count("visible", counts->visible_count)
        .count("in_flight", counts->in_flight_count)
        .count("delayed", counts->delayed_count);
    if (attributes->redrive)
      line.text("dead_letter_queue", views::queue_name_of(attributes->redrive->dead_letter_queue))
          .count("max_receives", attributes->redrive->receive_count_max);
    else
      line.json("dead_letter_queue", {}).json("max_receives", {});
    lines += (lines.empty() ? "" : ",") + line.line();
  }
  JsonObject answer;
  answer.json("queues", Json::from_valid_text("[" + lines + "]")).count("more", more);
  return Json::from_valid_text(answer.line());
}

}  // namespace fanfold::dashboard
