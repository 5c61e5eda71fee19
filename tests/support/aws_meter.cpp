#include "aws_meter.hpp"

#include "backends/aws/dynamodb_json.hpp"
#include "backends/aws/keys.hpp"
#include "http_framing.hpp"
#include "loopback.hpp"

#include <cmath>

namespace fanfold::test {
namespace {

using detail::JsonKind;
using detail::JsonValue;

constexpr std::string_view dynamodb_prefix = "DynamoDB_20120810.";
constexpr std::string_view sqs_prefix = "AmazonSQS.";
constexpr detail::JsonLimits limits{.depth = 64, .size_bytes = std::size_t{64} << 20U};

double units_of(std::size_t bytes, std::size_t unit) {
  return std::max(1.0, std::ceil(static_cast<double>(bytes) / static_cast<double>(unit)));
}

/// What the index keeps of an item. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
std::string listing_of(const aws::Item& item) {
  if (item.find(aws::index_partition_name) == nullptr || item.find(aws::index_sort_name) == nullptr) return {};
  std::string entry(item.text(aws::index_partition_name));
  entry.append("|").append(item.text(aws::index_sort_name)).append("\n").append(item.text(aws::index_projected_name));
  return entry;
}

double index_units(const std::string& before, const std::string& after) {
  if (before == after) return 0;
  if (before.empty() || after.empty()) return 1;
  const auto key = [](const std::string& entry) { return std::string_view(entry).substr(0, entry.find('\n')); };
  return key(before) == key(after) ? 1 : 2;
}

double server_units(const JsonValue& response) {
  const auto consumed = response.find("ConsumedCapacity");
  if (!consumed) return 0;
  const auto units = [](const JsonValue& one) {
    const auto number = one.kind() == JsonKind::object ? one.find("CapacityUnits") : std::nullopt;
    return number ? number->float64().value_or(0) : 0.0;
  };
  if (consumed->kind() != JsonKind::array) return units(*consumed);
  double sum = 0;
  for (const JsonValue one : consumed->elements()) sum += units(one);
  return sum;
}

/// Reads one message to its end; false where the connection ends before.
bool receive_message(int socket, std::string& buffer, bool has_body = true) {
  while (!http_frame(buffer, has_body)) {
    if (!receive_more(socket, buffer)) return false;
  }
  return true;
}

}  // namespace

AwsMeter::AwsMeter(const std::string& upstream)
    : upstream_port_(static_cast<std::uint16_t>(std::stoul(upstream.substr(upstream.rfind(':') + 1)))) {
  const Listener listener = listen_on_loopback();
  listener_ = listener.descriptor;
  port_ = listener.port;
  acceptor_ = std::thread([this] { accept_all(); });
}

AwsMeter::~AwsMeter() {
  {
    const std::scoped_lock lock(mutex_);
    is_over_ = true;
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return sockets_.empty(); });
}

MeterCounts AwsMeter::counts() const {
  const std::scoped_lock lock(mutex_);
  MeterCounts counts = counts_;
  for (const auto& [key, units] : units_) {
    if (units <= counts.busiest_item_units) continue;
    counts.busiest_item_units = units;
    counts.busiest_item = key.partition + " " + key.sort;
  }
  return counts;
}

void AwsMeter::reset() {
  const std::scoped_lock lock(mutex_);
  counts_ = {};
  units_.clear();
}

void AwsMeter::accept_all() {
  while (true) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::scoped_lock lock(mutex_);
    if (is_over_ || client < 0) {
      if (client >= 0) ::close(client);
      return;
    }
    sockets_.push_back(client);
    std::thread([this, client] { serve(client); }).detach();
  }
}

namespace {

/// The size of an item is known from the answer to its update, so each update is made to answer it; who did not ask for
/// it reads over it.
void ask_for_item(std::string& request) {
  constexpr std::string_view asked = R"("ReturnValues":"NONE")";
  constexpr std::string_view wanted = R"("ReturnValues":"ALL_NEW")";
  constexpr std::string_view length_name = "Content-Length: ";
  const std::size_t at = request.find(asked);
  const std::size_t length_at = request.find(length_name);
  if (at == std::string::npos || length_at > at) return;
  const std::size_t digits_at = length_at + length_name.size();
  const std::size_t digits_end = request.find('\r', digits_at);
  const std::size_t length = std::stoul(request.substr(digits_at, digits_end - digits_at));
  request.replace(at, asked.size(), wanted);
  request.replace(digits_at, digits_end - digits_at, std::to_string(length + wanted.size() - asked.size()));
}

}  // namespace

void AwsMeter::serve(int client) {
  set_no_delay(client);
  const int server = connect_to_loopback(upstream_port_);
  std::string request;
  std::string response;
  while (server >= 0 && receive_message(client, request)) {
    ask_for_item(request);
    const HttpFrame asked = *http_frame(request);
    const bool has_body = !asked.head.starts_with("HEAD ");
    const std::string operation = count(asked.head);
    if (!send_all(server, std::string_view(request).substr(0, asked.size))) break;
    if (!receive_message(server, response, has_body)) break;
    const HttpFrame answered = *http_frame(response, has_body);
    if (!operation.empty()) note(operation, asked.body(), status_of(answered.head), answered.body());
    if (!send_all(client, std::string_view(response).substr(0, answered.size))) break;
    const bool closes = begins_ignoring_case(header_value(answered.head, "connection"), "close");
    request.erase(0, asked.size);
    response.erase(0, answered.size);
    if (closes) break;
  }
  if (server >= 0) ::close(server);
  const std::scoped_lock lock(mutex_);
  sockets_.remove(client);
  ::close(client);
  // Under the lock: the meter may be gone right after it.
  ended_.notify_all();
}

std::string AwsMeter::count(std::string_view head) {
  const std::string_view target = header_value(head, "x-amz-target");
  const std::scoped_lock lock(mutex_);
  if (target.starts_with(sqs_prefix)) {
    ++counts_.requests["sqs " + std::string(target.substr(sqs_prefix.size()))];
  } else if (target.starts_with(dynamodb_prefix)) {
    std::string operation(target.substr(dynamodb_prefix.size()));
    ++counts_.requests["dynamodb " + operation];
    return operation;
  } else {
    ++counts_.requests["s3 " + std::string(head.substr(0, head.find(' ')))];
  }
  return {};
}

void AwsMeter::note(std::string_view operation, const std::string& request, int status, const std::string& response) {
  const std::scoped_lock lock(mutex_);
  detail::JsonDocument asked;
  detail::JsonDocument answered;
  if (!asked.read(request, limits).has_value() || !answered.read(response, limits).has_value()) return;
  note_dynamodb(operation, asked.root(), status, answered.root());
}

void AwsMeter::note_dynamodb(std::string_view operation, JsonValue request, int status, JsonValue response) {
  const bool reads = operation == "GetItem" || operation == "BatchGetItem" || operation == "Query";
  if (reads) {
    counts_.read_units_by_server += server_units(response);
    if (status == 200) note_reads(operation, request, response);
    return;
  }
  counts_.write_units_by_server += server_units(response);
  note_write(operation, request, status, response);
}

void AwsMeter::note_reads(std::string_view operation, JsonValue request, JsonValue response) {
  if (operation == "BatchGetItem") return note_batch_get(request, response);
  const auto consistent = request.find("ConsistentRead");
  const double factor = consistent && consistent->kind() == JsonKind::boolean && consistent->boolean() ? 1.0 : 0.5;
  std::size_t bytes = 0;
  const auto add = [&](const JsonValue& json) {
    if (auto item = aws::read_item(json)) bytes += item_bytes(*item);
  };
  if (const auto item = response.find("Item"); item && item->kind() == JsonKind::object) add(*item);
  if (const auto items = response.find("Items"); items && items->kind() == JsonKind::array) {
    for (const JsonValue one : items->elements()) add(one);
  }
  counts_.read_units_by_size += factor * units_of(bytes, aws::read_unit_bytes);
}

/// Each item is rounded up by itself, and one that is not there is a unit too.
void AwsMeter::note_batch_get(JsonValue request, JsonValue response) {
  const auto tables = request.find("RequestItems");
  const auto responses = response.find("Responses");
  if (!tables || !responses) return;
  for (const detail::JsonMemberView table : tables->members()) {
    const auto keys = table.value.find("Keys");
    const auto consistent = table.value.find("ConsistentRead");
    const double factor = consistent && consistent->kind() == JsonKind::boolean && consistent->boolean() ? 1.0 : 0.5;
    double units = keys ? static_cast<double>(keys->size()) : 0;
    if (const auto items = responses->find(table.key)) {
      for (const JsonValue one : items->elements()) {
        if (auto item = aws::read_item(one)) units += units_of(item_bytes(*item), aws::read_unit_bytes) - 1;
      }
    }
    counts_.read_units_by_size += factor * units;
  }
}

void AwsMeter::note_write(std::string_view operation, JsonValue request, int status, JsonValue response) {
  const auto each = [](const std::optional<JsonValue>& array, auto&& take) {
    if (!array || array->kind() != JsonKind::array) return;
    for (const JsonValue one : array->elements()) take(one);
  };
  const auto put = [&](const std::optional<JsonValue>& json, double factor) {
    if (!json) return;
    if (auto item = aws::read_item(*json)) note_item(*item, factor);
  };
  if (operation == "PutItem" || operation == "UpdateItem") {
    const auto content = operation == "PutItem" ? request.find("Item") : request.find("Key");
    auto key = content ? aws::read_key(*content) : Result<aws::ItemKey>(Error{ErrorCode::bad_input, {}, {}});
    if (!key) return;
    const auto type = status == 200 ? std::nullopt : response.find("__type");
    if (type && type->string().ends_with("ConditionalCheckFailedException")) {
      counts_.refused_units_by_size += units_of(known_[*key].bytes, aws::write_unit_bytes);
    } else if (status == 200) {
      put(operation == "PutItem" ? content : response.find("Attributes"), 1);
    }
  } else if (operation == "TransactWriteItems" && status == 200) {
    each(request.find("TransactItems"), [&](const JsonValue& one) {
      if (const auto write = one.find("Put")) put(write->find("Item"), 2);
    });
  } else if (operation == "BatchWriteItem" && status == 200) {
    const auto tables = request.find("RequestItems");
    if (!tables) return;
    for (const detail::JsonMemberView table : tables->members()) {
      each(table.value, [&](const JsonValue& one) {
        if (const auto write = one.find("PutRequest")) put(write->find("Item"), 1);
        const auto removal = one.find("DeleteRequest");
        const auto key = removal ? removal->find("Key") : std::nullopt;
        if (key) {
          if (auto named = aws::read_key(*key)) note_removal(*named);
        }
      });
    }
  }
}

void AwsMeter::note_item(const aws::Item& after, double factor) {
  Known& known = known_[after.key];
  const std::size_t bytes = item_bytes(after);
  charge(after.key, std::max(bytes, known.bytes), factor);
  std::string listed = listing_of(after);
  counts_.write_units_by_size += factor * index_units(known.listed, listed);
  known = {bytes, std::move(listed)};
  if (bytes <= counts_.item_bytes_max) return;
  counts_.item_bytes_max = bytes;
  counts_.largest_item = after.key.partition + " " + after.key.sort;
}

void AwsMeter::note_removal(const aws::ItemKey& key) {
  charge(key, known_[key].bytes, 1);
  counts_.write_units_by_size += index_units(known_[key].listed, {});
  known_.erase(key);
}

void AwsMeter::charge(const aws::ItemKey& key, std::size_t bytes, double factor) {
  const double units = factor * units_of(bytes, aws::write_unit_bytes);
  counts_.write_units_by_size += units;
  ++counts_.write_count;
  units_[key] += units;
}

}  // namespace fanfold::test
