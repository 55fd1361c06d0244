import MartletCore

/// `grpc-status-details-bin`: a google.rpc.Status that carries a fault's reason, violations and retry delay.
enum StatusDetails {
    /// Encoded in base64 and together with the message, the details must fit the smallest header list limit of common
    /// peers (8 KiB), so further violations are omitted.
    static let bytesMax = 3_072
    /// A peer's reason may be forwarded; ours are shorter.
    static let reasonBytesMax = 256
    /// How many of a peer's violations are read.
    static let violationsLimit = 1_000
    static let domain = "martlet"

    private static let errorInfo = "type.googleapis.com/google.rpc.ErrorInfo"
    private static let badRequest = "type.googleapis.com/google.rpc.BadRequest"
    private static let retryInfo = "type.googleapis.com/google.rpc.RetryInfo"

    static func encode(_ fault: Fault, message: String) -> [UInt8] {
        var status = ProtoWriter()
        status.integer(Int64(fault.code.rawValue), field: 1)
        status.text(message, field: 2)
        var info = ProtoWriter()
        info.text(Status.truncate(fault.reason.name, to: reasonBytesMax), field: 1)
        info.text(domain, field: 2)
        status.message(any(errorInfo, info.bytes), field: 3)
        if let delay = fault.retryAfter {
            var retry = ProtoWriter()
            retry.message(duration(delay), field: 1)
            status.message(any(retryInfo, retry.bytes), field: 3)
        }
        var request = ProtoWriter()
        for violation in fault.violations {
            var field = ProtoWriter()
            field.text(violation.field, field: 1)
            field.text(violation.rule, field: 2)
            guard status.bytes.count + request.bytes.count + field.bytes.count < bytesMax - 128 else { break }
            request.message(field.bytes, field: 1)
        }
        if !request.bytes.isEmpty { status.message(any(badRequest, request.bytes), field: 3) }
        return status.bytes
    }

    /// Applies the details to `fault`; unknown types and malformed bytes are ignored.
    static func read(_ bytes: [UInt8], into fault: inout Fault) {
        var status = ProtoReader(bytes[...])
        while let (field, value) = status.next() {
            guard field == 3, case .bytes(let detail) = value else { continue }
            var type: ArraySlice<UInt8> = []
            var body: ArraySlice<UInt8> = []
            var wrapped = ProtoReader(detail)
            while let (field, value) = wrapped.next() {
                guard case .bytes(let bytes) = value else { continue }
                if field == 1 { type = bytes } else if field == 2 { body = bytes }
            }
            switch String(decoding: type, as: UTF8.self) {
            case errorInfo: readReason(body, into: &fault)
            case badRequest: readViolations(body, into: &fault)
            case retryInfo: readRetryDelay(body, into: &fault)
            default: break
            }
        }
    }

    private static func readReason(_ bytes: ArraySlice<UInt8>, into fault: inout Fault) {
        var reader = ProtoReader(bytes)
        while let (field, value) = reader.next() {
            guard field == 1, case .bytes(let name) = value, !name.isEmpty else { continue }
            fault.reason = Reason(name: String(decoding: name, as: UTF8.self))
        }
    }

    private static func readViolations(_ bytes: ArraySlice<UInt8>, into fault: inout Fault) {
        var reader = ProtoReader(bytes)
        while let (field, value) = reader.next(), fault.violations.count < violationsLimit {
            guard field == 1, case .bytes(let violation) = value else { continue }
            var name = ""
            var rule = ""
            var fields = ProtoReader(violation)
            while let (field, value) = fields.next() {
                guard case .bytes(let text) = value else { continue }
                if field == 1 { name = String(decoding: text, as: UTF8.self) }
                if field == 2 { rule = String(decoding: text, as: UTF8.self) }
            }
            fault.violations.append(FieldViolation(field: name, rule: rule))
        }
    }

    private static func readRetryDelay(_ bytes: ArraySlice<UInt8>, into fault: inout Fault) {
        var reader = ProtoReader(bytes)
        while let (field, value) = reader.next() {
            guard field == 1, case .bytes(let duration) = value else { continue }
            var delay = Duration.zero
            var fields = ProtoReader(duration)
            while let (field, value) = fields.next() {
                guard case .integer(let number) = value else { continue }
                if field == 1 { delay += .seconds(Int64(bitPattern: number).clamped(to: 0...31_536_000)) }
                if field == 2 { delay += .nanoseconds(Int64(bitPattern: number).clamped(to: 0...999_999_999)) }
            }
            fault.retryAfter = delay
        }
    }

    private static func any(_ type: String, _ body: [UInt8]) -> [UInt8] {
        var writer = ProtoWriter()
        writer.text(type, field: 1)
        writer.message(body, field: 2)
        return writer.bytes
    }

    private static func duration(_ delay: Duration) -> [UInt8] {
        let nanoseconds = max(0, delay.nanosecondsClamped)
        var writer = ProtoWriter()
        writer.integer(nanoseconds / 1_000_000_000, field: 1)
        writer.integer(nanoseconds % 1_000_000_000, field: 2)
        return writer.bytes
    }
}

extension Int64 {
    fileprivate func clamped(to range: ClosedRange<Int64>) -> Int64 {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
