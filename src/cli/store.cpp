#include "cli/store.hpp"

#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/warning_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include <unistd.h>

namespace fanfold::cli {
namespace {

constexpr std::string_view aws_name = "aws";
constexpr std::string_view own_prefix = "FANFOLD_";
/// A little more than the longest pause between two warnings of one outage.
constexpr std::chrono::minutes warning_lasts{11};

/// Of the process, as its standard error is; zero before the first.
std::atomic<std::chrono::steady_clock::rep> warned_at{0};

/// The store keeps the writer as long as it may warn.
std::function<void(const std::string&)> complain_later() {
  auto writer = std::make_shared<WarningWriter>(
      [](const std::string& warning) { complain(printable(warning, Newlines::escape)); });
  return [writer = std::move(writer)](const std::string& warning) { writer->warn(warning); };
}

Result<sqlite::Options> file_store(const CommonOptions& options, StoreUse use) {
  if (options.store.empty()) return Error{ErrorCode::invalid_argument, "--store: the name of a file is missing", {}};
  std::error_code unused;
  if (std::error_code gone; std::filesystem::path(options.store).is_relative()) {
    static_cast<void>(std::filesystem::current_path(gone));
    if (gone)
      return Error{ErrorCode::unavailable,
                   fmt::format("'{}' cannot be reached: the current folder is not there any more ({}); change to "
                               "another, or name the store by its whole path",
                               printable(options.store, Newlines::escape), gone.message()),
                   {}};
  }
  if (use != StoreUse::create && !std::filesystem::exists(options.store, unused)) {
    return Error{ErrorCode::not_found,
                 fmt::format("there is no store at '{}' (--store or FANFOLD_STORE names another)",
                             printable(options.store, Newlines::escape)),
                 {}};
  }
  if (use != StoreUse::create && std::filesystem::is_regular_file(options.store, unused) &&
      std::filesystem::file_size(options.store, unused) == 0) {
    return Error{
        ErrorCode::not_found,
        fmt::format("'{}' is an empty file and no store yet; fanfold run, send, queue create and cluster create "
                    "make one of it",
                    printable(options.store, Newlines::escape)),
        {}};
  }
  sqlite::Options embedded;
  embedded.file = options.store;
  embedded.durability = options.durability == "normal" ? sqlite::Durability::normal : sqlite::Durability::full;
  embedded.read_only = use == StoreUse::read;
  embedded.warn = complain_later();
  return embedded;
}

Result<Client> open_file(const CommonOptions& options, StoreUse use) {
  auto embedded = file_store(options, use);
  if (!embedded) return std::move(embedded).error();
  auto client = sqlite::open(*embedded);
  if (!client && client.error().message.find(options.store) == std::string::npos) {
    Error error = client.error();
    error.message = fmt::format("{}: {}", options.store, error.message);
    return error;
  }
  return client;
}

Result<Client> open_aws(const CommonOptions& options, std::shared_ptr<aws::Usage> usage) {
  auto where = aws_store(options);
  if (!where) return std::move(where).error();
  where->usage = std::move(usage);
#ifdef FANFOLD_AWS
  return aws::open(*where);
#else
  return Error{ErrorCode::internal, "a store without an engine", {}};
#endif
}

std::vector<std::string> store_variables(const CommonOptions& options) {
  if (!is_on_aws(options)) {
    if (options.store.empty()) return {};
    std::error_code gone;  // The current folder may be: opening the store says so.
    const std::filesystem::path whole = std::filesystem::absolute(options.store, gone);
    return {fmt::format("FANFOLD_STORE={}", gone ? options.store : whole.string()),
            "FANFOLD_DURABILITY=" + options.durability};
  }
  std::vector<std::string> variables{"FANFOLD_STORE=aws"};
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) variables.push_back(fmt::format("{}={}", name, value));
  };
  add("FANFOLD_TABLE", options.table);
  add("FANFOLD_BUCKET", options.bucket);
  add("AWS_REGION", options.region);
  add("AWS_PROFILE", options.profile);
  return variables;
}

/// Keys in the environment come before any profile, save one that was asked for by name.
bool is_hidden_by_profile(std::string_view variable, const CommonOptions& options) {
  if (!is_on_aws(options) || options.profile.empty()) return false;
  return variable.starts_with("AWS_ACCESS_KEY_ID=") || variable.starts_with("AWS_SECRET_ACCESS_KEY=") ||
         variable.starts_with("AWS_SESSION_TOKEN=");
}

}  // namespace

bool is_on_aws(const CommonOptions& options) { return options.store == aws_name; }

Result<sqlite::Options> embedded_store(const CommonOptions& options, StoreUse use, std::string_view instead) {
  if (is_on_aws(options)) {
    return Error{
        ErrorCode::invalid_argument, fmt::format("this works on a file of the embedded engine only; {}", instead), {}};
  }
  return file_store(options, use);
}

Result<aws::Options> aws_store(const CommonOptions& options) {
#ifdef FANFOLD_AWS
  aws::Options where;
  where.table = options.table;
  where.bucket = options.bucket;
  where.region = options.region;
  where.profile = options.profile;
  where.warn = [complain = complain_later()](const std::string& warning) {
    warned_at = std::chrono::steady_clock::now().time_since_epoch().count();
    complain(warning);
  };
  return where;
#else
  static_cast<void>(options);
  return Error{
      ErrorCode::invalid_argument, "this build has no AWS engine; --store FILE names one of the embedded engine", {}};
#endif
}

bool has_store_warned_lately() {
  const std::chrono::steady_clock::rep at = warned_at;
  const std::chrono::steady_clock::time_point warned{std::chrono::steady_clock::duration(at)};
  return at != 0 && std::chrono::steady_clock::now() - warned < warning_lasts;
}

Result<Client> open_store(const CommonOptions& options, StoreUse use, std::shared_ptr<aws::Usage> usage) {
  return is_on_aws(options) ? open_aws(options, std::move(usage)) : open_file(options, use);
}

std::vector<std::string> environment_for_programs(const CommonOptions& options) {
  std::vector<std::string> environment = store_variables(options);
  const std::size_t own_count = environment.size();
  const auto is_ours = [&](std::string_view variable) {
    const std::string_view name = variable.substr(0, variable.find('=') + 1);
    return std::any_of(environment.begin(), environment.begin() + static_cast<std::ptrdiff_t>(own_count),
                       [&](const std::string& own) { return own.starts_with(name); });
  };
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.starts_with(own_prefix) || is_ours(text) || is_hidden_by_profile(text, options)) continue;
    environment.emplace_back(text);
  }
  return environment;
}

}  // namespace fanfold::cli
