import MartletCore
import NIOCore
import NIOHTTP1

/// The limits of an HTTP client.
package struct HTTP1ClientLimits: Sendable, Hashable {
    /// The timeout of a connection attempt.
    package var connectTimeout: Duration
    /// An unused connection is closed after this time; shorter than the servers' own.
    package var idleTimeout: Duration
    /// How long a connection waits for the response of a request that has timed out; then it is closed.
    var linger: Duration
    /// Connections to one host and port; further requests wait for a free one.
    ///
    /// A caller that has an eighth of them leaves a quarter free for others.
    var connectionsMax: Int
    /// Requests that wait for a connection to one host and port, with the same shares; further ones fail.
    var waitersMax: Int
    /// Of a response's head.
    var headBytesMax = 64 << 10
    /// The most fields of a response's head, and of its trailers.
    var headFieldsMax = 256

    init(connectTimeout: Duration, idleTimeout: Duration, linger: Duration, connectionsMax: Int, waitersMax: Int) {
        precondition(connectTimeout > .zero && idleTimeout > .zero && connectionsMax >= 1 && waitersMax >= 0)
        precondition(linger >= .zero)
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.linger = linger
        self.connectionsMax = connectionsMax
        self.waitersMax = waitersMax
    }

    /// 5 seconds, 30 seconds, 1 second, 256 connections, 10,000 waiting requests, heads of 64 KiB and 256 fields.
    package static let standard = HTTP1ClientLimits(
        connectTimeout: .seconds(5),
        idleTimeout: .seconds(30),
        linger: .seconds(1),
        connectionsMax: 256,
        waitersMax: 10_000
    )
}

extension HTTP1ClientLimits {
    /// Keeps at most a field that has not ended; more ends the connection, also when the parser has stopped.
    var decoder: ByteToMessageHandler<HTTPResponseDecoder> {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = headBytesMax
        decoding.maxHeaderListSize = headBytesMax
        decoding.maxHeaderFieldCount = headFieldsMax
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .drop,
            limitConfiguration: decoding
        )
        return ByteToMessageHandler(decoder, maximumBufferSize: 2 * headBytesMax)
    }
}

/// Why a request has no response.
package enum HTTP1ClientError: Error, Equatable {
    /// No complete response within the timeout.
    case timedOut
    /// The response's body is larger than the limit.
    case responseTooLarge(bytesMax: Int)
    /// The caller has no space for the response's body.
    case responseRefused
    /// The peer closed the connection before the response was complete.
    case connectionClosed
    /// The response is not HTTP, or arrived without a request.
    case invalidResponse
    /// Too many requests wait for a connection.
    case overloaded
    /// The target is not a path with a query.
    case invalidTarget
    case shutDown
}

/// There was no connection: nothing of the request was sent.
package struct HTTP1NotSent: CallNotMade, CustomStringConvertible {
    /// Why.
    let cause: any Error

    package var description: String { "not connected: \(cause)" }
}
