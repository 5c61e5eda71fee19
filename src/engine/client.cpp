#include <fanfold/client.hpp>

#include "engine/engine.hpp"
#include "wire/envelope_text.hpp"

namespace fanfold {

Client make_client(Backend backend) { return Client(std::make_shared<engine::Engine>(std::move(backend))); }

std::string Client::queue_url_of(const SqsRecord& record) {
  // Reading the record has refused every source that means no queue.
  return wire::queue_url_of(record.event_source_arn).value_or(record.event_source_arn);
}

Result<std::string> Context::create_child(const std::string& queue, const detail::TaskSource& source,
                                          ClusterOptions options) const {
  const Envelope& content = *delivery_->content;
  if (content.type != RecordType::task) {
    return Error{ErrorCode::invalid_argument, "only the task of a cluster can wait for a child cluster", {}};
  }
  const ParentTask parent{.cluster_id = content.id,
                          .queue_url = queue_url_,
                          .round = content.round,
                          .position = content.position,
                          .index = content.index};
  if (options.trace.empty()) options.trace = trace();
  auto key =
      core_->create_cluster({.queue = queue, .options = std::move(options), .open = false, .parent = parent}, source);
  if (!key) return std::move(key).error();
  return parse_key(*key).transform([](KeyParts parts) { return std::move(parts.id); });
}

}  // namespace fanfold
