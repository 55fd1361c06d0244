public import HTTPTypes

extension ServerResponse {
    /// A response of text.
    ///
    /// - Parameters:
    ///   - text: The body, sent as UTF-8.
    ///   - status: The status.
    ///   - type: The media type, with its character set.
    public static func text(
        _ text: String,
        status: HTTPResponse.Status = .ok,
        type: String = "text/plain; charset=utf-8"
    ) -> ServerResponse {
        ServerResponse(status: status, headers: [.contentType: type], body: ResponseBody(text.utf8))
    }

    /// A response that sends the client elsewhere.
    ///
    /// - Parameters:
    ///   - location: A path or a URI, percent-encoded. One that a client has chosen must be checked before.
    ///   - status: By default 303: the client asks for the location with GET, whatever it has sent.
    public static func redirect(to location: String, status: HTTPResponse.Status = .seeOther) -> ServerResponse {
        ServerResponse(status: status, headers: [.location: location])
    }

    /// Sets a cookie beside those that are set already.
    public mutating func add(_ cookie: SetCookie) {
        headers.append(HTTPField(name: .setCookie, value: cookie.field))
    }
}
