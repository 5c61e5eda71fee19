#include "net/curl_transfer.hpp"

#include "support/assert.hpp"

#include <algorithm>
#include <new>

namespace fanfold::net {
namespace {

constexpr std::size_t response_header_bytes_max = std::size_t{64} << 10U;
constexpr std::chrono::milliseconds libcurl_tick{1};  // its timeouts have no finer grain
constexpr long kept_connection_seconds_max = 110;     // idle ones are mostly closed by the other side after 120

template <class T>
void set(CURL* handle, CURLoption option, T value) {
  const CURLcode code = libcurl().easy_setopt(handle, option, value);
  FANFOLD_ASSERT(code == CURLE_OK, libcurl().easy_strerror(code));
}

/// Headers that libcurl would add by itself and that we want only where the request has them.
constexpr std::array<const char*, 3> left_out_headers = {"Accept:", "Expect:", "Content-Type:"};

bool has_header(const RequestHeaders& headers, std::string_view name) {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const std::string_view candidate = headers[i].name;
    if (candidate.size() == name.size() && std::equal(name.begin(), name.end(), candidate.begin(),
                                                      [](char a, char b) { return (a | 0x20) == (b | 0x20); })) {
      return true;
    }
  }
  return false;
}

}  // namespace

CurlTransfer::CurlTransfer(const CurlSettings& settings) : handle_(libcurl().easy_init()), settings_(settings) {
  if (handle_ == nullptr) throw std::bad_alloc();
  CURL* handle = handle_.get();
  set(handle, CURLOPT_PRIVATE, this);
  set(handle, CURLOPT_ERRORBUFFER, detail_.data());
  set(handle, CURLOPT_NOSIGNAL, 1L);
  set(handle, CURLOPT_NOPROGRESS, 1L);
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_PATH_AS_IS, 1L);
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle, CURLOPT_MAXAGE_CONN, kept_connection_seconds_max);
  // A host name that is still being looked up when the caller stops is left to its own thread.
  set(handle, CURLOPT_QUICK_EXIT, 1L);
  set(handle, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(handle, CURLOPT_WRITEDATA, this);
  set(handle, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(handle, CURLOPT_HEADERDATA, this);
  set(handle, CURLOPT_PREREQFUNCTION, &CurlTransfer::on_sending);
  set(handle, CURLOPT_PREREQDATA, this);
  if (!settings_.ca_bundle.empty()) set(handle, CURLOPT_CAINFO, settings_.ca_bundle.c_str());
  if (settings_.share != nullptr) set(handle, CURLOPT_SHARE, settings_.share);
}

Result<void> CurlTransfer::prepare(const HttpRequest& request,
                                   std::optional<std::chrono::steady_clock::time_point> deadline) {
  if (const std::optional<std::string_view> invalid = request.headers.invalid_name()) {
    return Error{ErrorCode::invalid_argument,
                 "header '" + std::string(*invalid) + "' has characters that no header can have",
                 {}};
  }
  CURL* handle = handle_.get();
  request_ = &request;
  response_ = HttpResponse{};
  detail_[0] = '\0';
  is_head_whole_ = is_too_large_ = is_out_of_memory_ = false;
  sending_count_ = 0;

  if (url_ != request.url) {
    url_ = request.url;
    set(handle, CURLOPT_URL, url_.c_str());
  }
  const Form form = request.method == "HEAD"                          ? Form::head
                    : request.method == "GET" && request.body.empty() ? Form::get
                                                                      : Form::body;
  set_form(form, request);

  header_list_.clear();
  header_list_.reserve(request.headers.size() + 1 + left_out_headers.size());
  const auto append = [&](const char* line) { header_list_.push_back({const_cast<char*>(line), nullptr}); };
  for (std::size_t i = 0; i < request.headers.size(); ++i) append(request.headers.line(i));
  append(settings_.user_agent_line.c_str());
  append(left_out_headers[0]);
  append(left_out_headers[1]);
  if (form == Form::body && !has_header(request.headers, "Content-Type")) append(left_out_headers[2]);
  for (std::size_t i = 1; i < header_list_.size(); ++i) header_list_[i - 1].next = &header_list_[i];
  set(handle, CURLOPT_HTTPHEADER, header_list_.data());

  using std::chrono::milliseconds;
  milliseconds timeout = request.timeout;
  deadline_ = deadline;
  if (deadline) {
    const auto left = std::chrono::ceil<milliseconds>(*deadline - std::chrono::steady_clock::now());
    timeout = std::max(timeout > milliseconds::zero() ? std::min(timeout, left) : left, milliseconds(1));
  }
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));  // 0 is none for libcurl too
  if (connect_timeout_ != request.connect_timeout) {
    connect_timeout_ = request.connect_timeout;
    set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout_.count()));
  }
  if (without_proxy_ != request.without_proxy) {
    without_proxy_ = request.without_proxy;
    set(handle, CURLOPT_NOPROXY, without_proxy_ ? "*" : static_cast<const char*>(nullptr));
  }
  return {};
}

void CurlTransfer::set_form(Form form, const HttpRequest& request) {
  CURL* handle = handle_.get();
  if (form != form_) {
    if (form == Form::body) {
      set(handle, CURLOPT_POST, 1L);
    } else if (form == Form::head) {
      set(handle, CURLOPT_NOBODY, 1L);
    } else {
      set(handle, CURLOPT_HTTPGET, 1L);
    }
    method_.clear();
    form_ = form;
  }
  if (form == Form::body) {
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
  }
  if (method_ != request.method) {
    method_ = request.method;
    set(handle, CURLOPT_CUSTOMREQUEST, form == Form::body ? method_.c_str() : static_cast<const char*>(nullptr));
  }
}

bool CurlTransfer::prepare_again(CURLcode code) {
  if (code != CURLE_RECV_ERROR && code != CURLE_SEND_ERROR && code != CURLE_GOT_NOTHING) return false;
  long connection_count = 0;
  libcurl().easy_getinfo(handle_.get(), CURLINFO_NUM_CONNECTS, &connection_count);
  if (is_fresh_ || connection_count > 0 || response_.headers.size_bytes() > 0) return false;
  is_fresh_ = true;
  set(handle_.get(), CURLOPT_FRESH_CONNECT, 1L);
  detail_[0] = '\0';
  return true;
}

void CurlTransfer::end_attempt() {
  if (is_fresh_) set(handle_.get(), CURLOPT_FRESH_CONNECT, 0L);
  is_fresh_ = false;
  request_ = nullptr;
}

HttpOutcome CurlTransfer::finish(CURLcode code) {
  HttpOutcome outcome;
  outcome.may_have_been_seen = sending_count_ > 0;
  outcome.was_sent_again = sending_count_ > 1;
  // libcurl takes a connection that ends among the headers for an answer without a body.
  if (code == CURLE_OK && !is_head_whole_) code = CURLE_PARTIAL_FILE;
  if (code != CURLE_OK) outcome.error = error_of(code);
  long status = 0;
  libcurl().easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  outcome.response = std::move(response_);
  end_attempt();
  return outcome;
}

HttpOutcome CurlTransfer::abandon(Error error) {
  HttpOutcome outcome;
  outcome.may_have_been_seen = sending_count_ > 0;
  outcome.was_sent_again = sending_count_ > 1;
  outcome.error = std::move(error);
  end_attempt();
  return outcome;
}

std::string CurlTransfer::origin() const {
  const std::size_t scheme_end = url_.find("://");
  const std::size_t path = scheme_end == std::string::npos ? scheme_end : url_.find('/', scheme_end + 3);
  return url_.substr(0, path);
}

Error CurlTransfer::error_of(CURLcode code) const {
  const bool was_sent = sending_count_ > 0;
  std::string detail(detail_[0] != '\0' ? detail_.data() : libcurl().easy_strerror(code));
  const auto error = [&](ErrorCode kind, const std::string& message) {
    return Error{kind, message, std::move(detail)};
  };
  if (is_out_of_memory_ || code == CURLE_OUT_OF_MEMORY) return error(ErrorCode::internal, "out of memory");
  if (is_too_large_) {
    return error(ErrorCode::too_large,
                 origin() + " answered with more than " + std::to_string(request_->response_bytes_max) +
                     " bytes, or with headers of more than " + std::to_string(response_header_bytes_max));
  }
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      if (deadline_ && std::chrono::steady_clock::now() + libcurl_tick >= *deadline_)
        return error(ErrorCode::deadline_exceeded, "the deadline ended before " + origin() + " answered");
      return error(ErrorCode::unavailable,
                   was_sent ? origin() + " did not answer within " + std::to_string(request_->timeout.count()) + " ms"
                            : "no connection to " + origin() + " within " +
                                  std::to_string(request_->connect_timeout.count()) + " ms");
    case CURLE_COULDNT_RESOLVE_HOST:
      return error(ErrorCode::unavailable, "the host of " + origin() + " has no address");
    case CURLE_COULDNT_RESOLVE_PROXY: return error(ErrorCode::unavailable, "the proxy's host has no address");
    case CURLE_COULDNT_CONNECT: return error(ErrorCode::unavailable, "no connection to " + origin());
    case CURLE_SSL_CACERT_BADFILE:
      return error(ErrorCode::invalid_argument, settings_.ca_bundle.empty()
                                                    ? "there is no file of trusted certificates (CA bundle)"
                                                    : "the CA bundle '" + settings_.ca_bundle + "' cannot be used");
    case CURLE_PEER_FAILED_VERIFICATION:
      return error(ErrorCode::permission_denied, "the certificate of " + origin() + " is not trusted");
    case CURLE_SSL_CONNECT_ERROR: return error(ErrorCode::unavailable, "no TLS connection to " + origin());
    case CURLE_URL_MALFORMAT: return error(ErrorCode::invalid_argument, "not a usable URL");
    case CURLE_PARTIAL_FILE: return error(ErrorCode::unavailable, origin() + " cut its answer off");
    case CURLE_UNSUPPORTED_PROTOCOL:
      if (!was_sent) return error(ErrorCode::invalid_argument, "only http and https are spoken");
      return error(ErrorCode::unavailable, origin() + " answered with something that is not HTTP");
    case CURLE_WEIRD_SERVER_REPLY:
      return error(ErrorCode::unavailable, origin() + " answered with something that is not HTTP");
    default:
      return error(ErrorCode::unavailable, was_sent
                                               ? "the connection to " + origin() + " broke before the answer was whole"
                                               : "no connection to " + origin());
  }
}

void CurlTransfer::receive_header(std::string_view line) {
  // Every answer starts its headers anew, also one behind "100 Continue" or behind a proxy's own.
  if (line.starts_with("HTTP/")) {
    response_.headers.clear();
    is_head_whole_ = false;
  }
  if (line == "\r\n" || line == "\n") is_head_whole_ = true;
  response_.headers.append_line(line);
  is_too_large_ = response_.headers.size_bytes() > response_header_bytes_max;
}

std::size_t CurlTransfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::size_t bytes_count = size * count;
  std::string& body = transfer.response_.body;
  if (body.size() + bytes_count > transfer.request_->response_bytes_max) {
    transfer.is_too_large_ = true;
    return 0;
  }
  try {
    if (body.empty()) {
      curl_off_t announced = -1;
      libcurl().easy_getinfo(transfer.handle_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
      constexpr curl_off_t reserve_bytes_max = 1 << 20;  // a server cannot make us reserve what it does not send
      if (announced > 0) body.reserve(static_cast<std::size_t>(std::min(announced, reserve_bytes_max)));
    }
    body.append(bytes, bytes_count);
  } catch (const std::bad_alloc&) {
    transfer.is_out_of_memory_ = true;
    return 0;
  }
  return bytes_count;
}

std::size_t CurlTransfer::on_header(char* bytes, std::size_t size, std::size_t count, void* self) noexcept {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  try {
    transfer.receive_header({bytes, size * count});
  } catch (const std::bad_alloc&) {
    transfer.is_out_of_memory_ = true;
    return 0;
  }
  return transfer.is_too_large_ ? 0 : size * count;
}

int CurlTransfer::on_sending(void* self, char*, char*, int, int) noexcept {
  ++static_cast<CurlTransfer*>(self)->sending_count_;
  return CURL_PREREQFUNC_OK;
}

}  // namespace fanfold::net
