// HTTPS to a server whose certificate the test makes itself.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "aws/test_files.hpp"
#include "net/http_client.hpp"

namespace fanfold::net {
namespace {

constexpr const char* server_script = R"(
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"safe")
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
)";

/// Two pipes to the server: it ends when its standard input does, also where this process is killed.
class TlsServer {
 public:
  explicit TlsServer(const aws::TestDirectory& directory) {
    const std::string& path = directory.path();
    const std::string make =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        path + "/key.pem -out " + path + "/certificate.pem 2>/dev/null";
    if (std::system(make.c_str()) != 0) return;
    const std::string script = directory.write("server.py", server_script);
    const std::string port_file = path + "/port";
    if (std::system(("mkfifo " + port_file).c_str()) != 0) return;
    input_ = ::popen(
        ("exec python3 " + script + " " + path + "/certificate.pem " + path + "/key.pem >" + port_file).c_str(), "we");
    std::ifstream(port_file) >> port_;
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer() {
    if (input_ != nullptr) ::pclose(input_);
  }

  [[nodiscard]] int port() const { return port_; }

 private:
  std::FILE* input_ = nullptr;
  int port_ = 0;
};

class Tls : public ::testing::Test {
 public:
  void SetUp() override {
    if (std::system("command -v openssl >/dev/null && command -v python3 >/dev/null") != 0)
      GTEST_SKIP() << "NOT RUN: openssl or python3 is missing";
    server = std::make_unique<TlsServer>(directory);
    ASSERT_GT(server->port(), 0);
  }
  Result<HttpResponse> get(const std::string& ca_bundle, const std::string& host = "127.0.0.1") const {
    HttpClient client({.ca_bundle = ca_bundle});
    HttpRequest request;
    request.url = "https://" + host + ":" + std::to_string(server->port()) + "/";
    return client.send(request, {});
  }

  aws::TestDirectory directory;
  std::unique_ptr<TlsServer> server;
};

TEST_F(Tls, TrustsTheCertificatesOfTheCaBundle) {
  const Result<HttpResponse> response = get(directory.path() + "/certificate.pem");
  ASSERT_TRUE(response.has_value()) << response.error().message << response.error().remote_detail;
  EXPECT_EQ(response->body, "safe");
}

TEST_F(Tls, TrustsNobodyElse) {
  const Error unknown = get("").error();
  EXPECT_EQ(unknown.code, ErrorCode::permission_denied);
  EXPECT_EQ(unknown.message,
            "the certificate of https://127.0.0.1:" + std::to_string(server->port()) + " is not trusted");
  const Error other_host = get(directory.path() + "/certificate.pem", "localhost").error();
  EXPECT_EQ(other_host.code, ErrorCode::permission_denied) << "the certificate names 127.0.0.1 alone";
}

}  // namespace
}  // namespace fanfold::net
