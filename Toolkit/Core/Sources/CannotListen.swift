/// A listener could not be opened.
public struct CannotListen: Error, CustomStringConvertible {
    public let host: String
    public let port: Int
    public let cause: any Error

    package init(host: String, port: Int, cause: any Error) {
        self.host = host
        self.port = port
        self.cause = cause
    }

    public var description: String { "cannot listen on \(host):\(port): \(cause)" }
}
