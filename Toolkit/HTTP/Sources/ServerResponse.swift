public import HTTPTypes

/// A response that a listener sends.
public struct ServerResponse: Sendable {
    public var status: HTTPResponse.Status
    /// The header fields, with `Content-Length` when the length of ``body`` is known.
    ///
    /// The listener adds `Date`, and what the connection needs.
    public var headers: HTTPFields
    public let body: ResponseBody

    public init(status: HTTPResponse.Status, headers: HTTPFields = [:], body: ResponseBody = ResponseBody()) {
        self.status = status
        self.headers = headers
        self.body = body
        if let length = body.length, !headers.contains(.contentLength) { self.headers[.contentLength] = "\(length)" }
    }

    /// The status and the header fields.
    public var head: HTTPResponse { HTTPResponse(status: status, headerFields: headers) }

    /// The response to HEAD: its headers are those of the response to GET, `Content-Length` included.
    package var withoutBody: ServerResponse { ServerResponse(status: status, headers: headers) }
}
