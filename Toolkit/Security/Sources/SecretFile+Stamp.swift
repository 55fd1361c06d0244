#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension SecretFile {
    /// What the file system knows of a file: another one after the file was replaced or written.
    package struct Stamp: Equatable, Sendable {
        package let file: UInt64
        package let bytes: Int64
        package let modifiedSeconds: Int64
        package let modifiedNanoseconds: Int64
    }

    /// The stamp of the file that `path` leads to now, also through links; `nil` when there is none.
    package static func stamp(of path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let modified = status.st_mtimespec
        #else
            let modified = status.st_mtim
        #endif
        return Stamp(
            file: UInt64(status.st_ino),
            bytes: Int64(status.st_size),
            modifiedSeconds: Int64(modified.tv_sec),
            modifiedNanoseconds: Int64(modified.tv_nsec)
        )
    }
}
