package import MartletCore

extension FaultCode {
    /// The name of the status in gRPC, as in `DEADLINE_EXCEEDED`.
    package var statusName: String {
        "\(self)".reduce(into: "") { name, letter in
            if letter.isUppercase { name += "_" }
            name += letter.uppercased()
        }
    }

    /// Whether a server's span of a call that ends so is marked as failed: the rest is the caller's.
    package var isServerFailure: Bool {
        switch self {
        case .unknown, .deadlineExceeded, .unimplemented, .internal, .unavailable, .dataLoss: true
        case .cancelled, .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .resourceExhausted,
            .failedPrecondition, .aborted, .outOfRange, .unauthenticated:
            false
        }
    }
}
