// Whatever services, metadata endpoints, proxies and configuration files say, it is read without harm. The first byte
// of the input chooses who reads the rest.
#include <cstdint>
#include <string>
#include <string_view>

#include "aws/credential_document.hpp"
#include "aws/ini.hpp"
#include "aws/service_error.hpp"
#include "aws/xml.hpp"
#include "net/http.hpp"
#include "net/url.hpp"
#include "support/assert.hpp"

namespace {

using namespace fanfold;

void read_ini(std::string_view text) {
  const Result<aws::IniFile> file = aws::parse_ini(text, "file");
  if (!file.has_value()) {
    FANFOLD_ASSERT(file.error().code == ErrorCode::bad_input, "the code of a bad file");
    FANFOLD_ASSERT(file.error().message.starts_with("file:"), "the place of what is wrong");
    return;
  }
  for (const auto& [name, section] : *file) {
    FANFOLD_ASSERT(!name.empty(), "sections have names");
    for (const auto& [key, value] : section)
      FANFOLD_ASSERT(!key.empty() && value.line > 0, "keys have names and lines");
  }
}

void read_xml(std::string_view text) {
  const Result<aws::XmlDocument> document = aws::XmlDocument::parse(text);
  if (!document.has_value()) {
    FANFOLD_ASSERT(document.error().code == ErrorCode::bad_input, "the code of bad XML");
    return;
  }
  for (const aws::XmlElement& element : document->elements()) {
    FANFOLD_ASSERT(element.depth < aws::xml_depth_max, "the limit of depth");
    const Result<aws::XmlDocument> again = aws::XmlDocument::parse("<t>" + aws::xml_escaped(element.text) + "</t>");
    FANFOLD_ASSERT(again.has_value() && again->find("t") == element.text, "text survives being escaped and read");
  }
}

/// Headers up to an empty line, then the body.
void read_failure(aws::Protocol protocol, std::string_view text) {
  const std::size_t end = text.find("\n\n");
  net::HttpResponse response;
  response.status = text.empty() ? 400 : 300 + static_cast<unsigned char>(text.front());
  if (end != std::string_view::npos) response.headers = net::ResponseHeaders(std::string(text.substr(0, end + 1)));
  response.body = std::string(end == std::string_view::npos ? text : text.substr(end + 2));
  const aws::ServiceFailure failure = aws::understand_failure(protocol, "service Operation", response);
  FANFOLD_ASSERT(failure.error.code != ErrorCode::internal, "no defect of ours");
  FANFOLD_ASSERT(failure.end != net::AttemptEnd::success, "a failure is no success");
  FANFOLD_ASSERT(failure.error.message.size() < 120, "the message is ours alone");
  static_cast<void>(aws::asked_delay_of(response));
  static_cast<void>(aws::request_id_of(response));
}

void read_credentials(std::string_view text) {
  detail::JsonDocument document;
  if (!document.read(text).has_value()) return;
  const Result<aws::Credentials> credentials = aws::read_credentials(document.root(), {});
  if (credentials.has_value()) {
    FANFOLD_ASSERT(!credentials->access_key_id.empty() && !credentials->secret_access_key.empty(),
                   "what is required is there");
  } else {
    FANFOLD_ASSERT(credentials.error().code == ErrorCode::bad_input, "the code of a bad document");
    FANFOLD_ASSERT(credentials.error().message.size() < 100, "no value is in the message");
  }
}

void read_url(std::string_view text) {
  const Result<net::Url> url = net::parse_url(text);
  if (!url.has_value()) return;
  const Result<net::Url> again = net::parse_url(url->origin() + url->path);
  FANFOLD_ASSERT(again.has_value(), "a URL that was read can be written");
  FANFOLD_ASSERT(again->host == url->host && again->path == url->path, "and read again");
}

}  // namespace

// The name is libFuzzer's.
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'i': read_ini(text); break;
    case 'x': read_xml(text); break;
    case 'j': read_failure(aws::Protocol::json, text); break;
    case 's': read_failure(aws::Protocol::xml, text); break;
    case 'c': read_credentials(text); break;
    case 'e': static_cast<void>(aws::parse_expiration(text)); break;
    case 'd': static_cast<void>(net::parse_http_date(text)); break;
    case 'u': read_url(text); break;
    default: break;
  }
  return 0;
}
