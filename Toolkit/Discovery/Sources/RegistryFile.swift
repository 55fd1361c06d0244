package import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The file in which a supervisor lists the instances of every service.
///
/// ```json
/// {
///   "version": 1,
///   "services": {
///     "links": [{"id": "links-1", "http": "127.0.0.1:9001", "grpc": "127.0.0.1:9002", "operate": "127.0.0.1:9003"}]
///   }
/// }
/// ```
package enum RegistryFile {
    static let bytesLimit = 1 << 20

    /// A fault in a registry file.
    package struct Invalid: FaultConvertible, Equatable, CustomStringConvertible {
        let path: String
        /// From 1; 0 for the file as a whole.
        let line: Int
        /// As in `services.links[0].grpc`; empty for the file as a whole.
        let key: String
        let message: String

        package var description: String {
            "\(path)\(line > 0 ? ":\(line)" : ""): \(key.isEmpty ? "" : "\(key) ")\(message)"
        }

        package var fault: Fault {
            Fault(.unavailable, .unavailable, "the registry cannot be read", retryAfter: .seconds(1), cause: self)
        }
    }

    /// Replaces the file atomically, readable by its owner only.
    ///
    /// - Throws: ``Invalid``; the file is then unchanged.
    package static func write(_ services: [String: [Instance]], to path: String) throws(Invalid) {
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else { throw failure(path, "cannot be written") }
        let text = Array(render(services).utf8)
        let written = fwrite(text, 1, text.count, file) == text.count
        let reason = written && fflush(file) == 0 && fsync(fileno(file)) == 0 ? 0 : errno
        guard fclose(file) == 0, reason == 0, rename(temporary, path) == 0 else {
            let invalid = failure(path, "cannot be written", reason: reason == 0 ? errno : reason)
            unlink(temporary)
            throw invalid
        }
    }

    static func render(_ services: [String: [Instance]]) -> String {
        let lines = services.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { service, instances in
            let items = instances.sorted().map { instance in
                let addresses = [("http", instance.http), ("grpc", instance.grpc), ("operate", instance.operate)]
                let fields = addresses.compactMap { name, address in address.map { ", \"\(name)\": \"\($0)\"" } }
                return "      {\"id\": \"\(instance.id)\"\(fields.joined())}"
            }
            return "    \"\(service)\": [\n\(items.joined(separator: ",\n"))\n    ]"
        }
        return "{\n  \"version\": 1,\n  \"services\": {\n\(lines.joined(separator: ",\n"))\n  }\n}\n"
    }

    /// - Throws: ``Invalid`` with the line and the key of the first fault.
    package static func read(_ path: String) throws(Invalid) -> [String: [Instance]] {
        guard let file = fopen(path, "r") else { throw failure(path, "cannot be opened") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: bytesLimit + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw failure(path, "cannot be read") }
        guard count <= bytesLimit else {
            throw Invalid(path: path, line: 0, key: "", message: "is over \(bytesLimit) bytes")
        }
        do {
            return try parse(Array(bytes.prefix(count)), path)
        } catch let invalid as Invalid {
            throw invalid
        } catch let fault as LocatedJSON.Fault {
            throw Invalid(path: path, line: fault.line, key: "", message: fault.message)
        } catch {
            throw Invalid(path: path, line: 0, key: "", message: "cannot be read: \(error)")
        }
    }

    static func parse(_ bytes: [UInt8], _ path: String) throws -> [String: [Instance]] {
        let root = try LocatedJSON.parse(bytes)
        func invalid(_ value: LocatedJSON, at key: String, message: String) -> Invalid {
            Invalid(path: path, line: value.line, key: key, message: message)
        }
        guard case .object(let members) = root.value else { throw invalid(root, at: "", message: "must be an object") }
        var services: [String: [Instance]] = [:]
        var version: LocatedJSON?
        for (key, value) in members {
            switch key {
            case "version": version = value
            case "services":
                guard case .object(let entries) = value.value else {
                    throw invalid(value, at: key, message: "must be an object")
                }
                for (service, list) in entries {
                    let name = "services.\(service)"
                    guard case .array(let items) = list.value else {
                        throw invalid(list, at: name, message: "must be a list")
                    }
                    let instances = try items.enumerated().map { try instance($1, named: "\(name)[\($0)]", in: path) }
                    guard Set(instances.map(\.id)).count == instances.count else {
                        throw invalid(list, at: name, message: "has an id twice")
                    }
                    services[service] = instances.sorted()
                }
            default: throw invalid(value, at: key, message: "is unknown")
            }
        }
        guard let version, case .literal("1") = version.value else {
            throw invalid(version ?? root, at: "version", message: "must be 1")
        }
        return services
    }

    private static func instance(_ item: LocatedJSON, named name: String, in path: String) throws(Invalid) -> Instance {
        func invalid(_ value: LocatedJSON, at key: String, message: String) -> Invalid {
            Invalid(path: path, line: value.line, key: key, message: message)
        }
        guard case .object(let members) = item.value else {
            throw invalid(item, at: name, message: "must be an object")
        }
        var id = ""
        var addresses: [String: Address] = [:]
        for (key, value) in members {
            guard case .string(let text) = value.value else {
                throw invalid(value, at: "\(name).\(key)", message: "must be a string")
            }
            switch key {
            case "id": id = text
            case "http", "grpc", "operate":
                guard let address = Address(text) else {
                    throw invalid(value, at: "\(name).\(key)", message: "must be host:port")
                }
                addresses[key] = address
            default: throw invalid(value, at: "\(name).\(key)", message: "is unknown")
            }
        }
        guard !id.isEmpty else { throw invalid(item, at: "\(name).id", message: "is missing") }
        return Instance(id: id, http: addresses["http"], grpc: addresses["grpc"], operate: addresses["operate"])
    }

    private static func failure(_ path: String, _ what: String, reason: Int32 = errno) -> Invalid {
        Invalid(path: path, line: 0, key: "", message: "\(what): \(String(cString: strerror(reason)))")
    }
}
