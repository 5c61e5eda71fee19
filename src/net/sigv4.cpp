#include "net/sigv4.hpp"

#include "net/url.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace fanfold::net {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view terminator = "aws4_request";

/// "20261124T093000Z"; its first eight characters are the day.
std::array<char, 16> timestamp_of(std::chrono::sys_seconds now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  std::array<char, 16> text{};
  const auto write = [&](std::size_t at, std::size_t size, unsigned value) {
    for (std::size_t i = size; i > 0; --i, value /= 10) text[at + i - 1] = static_cast<char>('0' + value % 10);
  };
  write(0, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  write(4, 2, static_cast<unsigned>(date.month()));
  write(6, 2, static_cast<unsigned>(date.day()));
  text[8] = 'T';
  write(9, 2, static_cast<unsigned>(time.hours().count()));
  write(11, 2, static_cast<unsigned>(time.minutes().count()));
  write(13, 2, static_cast<unsigned>(time.seconds().count()));
  text[15] = 'Z';
  return text;
}

struct CanonicalHeader {
  std::size_t name_begin;
  std::size_t name_size;
  std::string_view value;
};

/// The headers by name; equal names keep the order in which they are sent.
class CanonicalHeaders {
 public:
  CanonicalHeaders(std::string_view authority, const RequestHeaders& headers) {
    headers_.reserve(headers.size() + 1);
    names_.reserve(names_bytes_expected);
    add("host", authority);
    for (std::size_t i = 0; i < headers.size(); ++i) add(headers[i].name, headers[i].value);
    std::sort(headers_.begin(), headers_.end(), [&](const CanonicalHeader& a, const CanonicalHeader& b) {
      const int order = name(a).compare(name(b));
      return order != 0 ? order < 0 : a.name_begin < b.name_begin;
    });
  }

  void append_lines(std::string& out) const {
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      if (i > 0 && name(headers_[i]) == name(headers_[i - 1])) {
        out.back() = ',';
      } else {
        out.append(name(headers_[i]));
        out += ':';
      }
      append_value(out, headers_[i].value);
      out += '\n';
    }
  }

  void append_names(std::string& out) const {
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      if (i > 0 && name(headers_[i]) == name(headers_[i - 1])) continue;
      if (i > 0) out += ';';
      out.append(name(headers_[i]));
    }
  }

 private:
  static constexpr std::size_t names_bytes_expected = 128;

  void add(std::string_view header_name, std::string_view value) {
    headers_.push_back({names_.size(), header_name.size(), value});
    for (const char c : header_name) names_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }

  [[nodiscard]] std::string_view name(const CanonicalHeader& header) const noexcept {
    return std::string_view(names_).substr(header.name_begin, header.name_size);
  }

  /// Without white space around it, runs of white space inside as one space.
  static void append_value(std::string& out, std::string_view value) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    const char* at = value.data();
    const char* const end = at + value.size();
    bool is_first = true;
    while (true) {
      const char* const word = std::find_if_not(at, end, is_blank);
      if (word == end) return;
      at = std::find_if(word, end, is_blank);
      if (!is_first) out += ' ';
      out.append(word, at);
      is_first = false;
    }
  }

  std::vector<CanonicalHeader> headers_;
  std::string names_;
};

/// What services other than S3 sign: without empty and dot segments, then encoded once more.
std::string normalized_path(std::string_view path) {
  std::vector<std::string_view> segments;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string normalized;
  for (const std::string_view segment : segments) {
    normalized += '/';
    append_percent_encoded(normalized, segment);
  }
  if (normalized.empty() || path.ends_with('/')) normalized += '/';
  return normalized;
}

}  // namespace

RequestSigner::RequestSigner(std::string region, std::string service)
    : region_(std::move(region)), service_(std::move(service)), is_s3_(service_ == "s3") {}

Sha256Digest RequestSigner::signing_key(const Secret& secret, std::string_view day) {
  {
    const std::lock_guard lock(mutex_);
    if (day == std::string_view(key_day_.data(), key_day_.size()) && key_secret_ == secret) return key_;
  }
  const Secret start("AWS4" + std::string(secret.reveal()));
  const Sha256Digest of_day = hmac_sha256(start.reveal(), day);
  const Sha256Digest of_region = hmac_sha256(as_text(of_day), region_);
  const Sha256Digest of_service = hmac_sha256(as_text(of_region), service_);
  const Sha256Digest key = hmac_sha256(as_text(of_service), terminator);
  const std::lock_guard lock(mutex_);
  key_secret_ = secret;
  std::copy_n(day.begin(), key_day_.size(), key_day_.begin());
  key_ = key;
  return key;
}

void RequestSigner::sign(const SignedRequest& request, const SigningCredentials& credentials,
                         std::chrono::sys_seconds now, RequestHeaders& headers) {
  const std::array<char, 16> timestamp_text = timestamp_of(now);
  const std::string_view timestamp(timestamp_text.data(), timestamp_text.size());
  const std::string_view day = timestamp.substr(0, day_size);

  const Sha256Digest body_digest = sha256(request.body);
  if (is_s3_) headers.add("X-Amz-Content-Sha256", hexadecimal(body_digest));
  headers.add("X-Amz-Date", timestamp);
  if (!credentials.session_token.empty()) headers.add("X-Amz-Security-Token", credentials.session_token.reveal());
  const CanonicalHeaders canonical_headers(request.authority, headers);

  constexpr std::size_t text_bytes_expected = 1000;
  std::string canonical;
  canonical.reserve(text_bytes_expected);
  canonical.append(request.method) += '\n';
  if (is_s3_ || request.path == "/") {
    canonical.append(request.path);
  } else {
    canonical.append(normalized_path(request.path));
  }
  canonical += '\n';
  canonical.append(request.query) += '\n';
  canonical_headers.append_lines(canonical);
  canonical += '\n';
  canonical_headers.append_names(canonical);
  canonical += '\n';
  append_hexadecimal(canonical, body_digest);
  const Sha256Digest canonical_digest = sha256(canonical);

  std::string scope;
  scope.reserve(64);
  scope.append(day).append("/").append(region_).append("/").append(service_).append("/").append(terminator);
  canonical.assign(algorithm).append("\n").append(timestamp).append("\n").append(scope).append("\n");
  append_hexadecimal(canonical, canonical_digest);
  const Sha256Digest signature = hmac_sha256(as_text(signing_key(credentials.secret_access_key, day)), canonical);

  canonical.assign(algorithm).append(" Credential=").append(credentials.access_key_id).append("/").append(scope);
  canonical.append(", SignedHeaders=");
  canonical_headers.append_names(canonical);
  canonical.append(", Signature=");
  append_hexadecimal(canonical, signature);
  headers.add("Authorization", canonical);
}

}  // namespace fanfold::net
