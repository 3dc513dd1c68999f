#include "sim/disk_story.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "shard/segment_header.h"

static void print_sector_states(const struct sim_disk *disk, const struct sim_inode *inode)
{
    for (u32 i = 0; i < inode->sectors_count; i++) {
        const struct sim_version *version = inode->sectors[i].newest;
        if (version != NULL && (!version->durable || version->unreadable)) {
            fprintf(stderr, "    sector at %" PRIu64 ":%s%s%s\n", (u64)i * disk->sector_bytes,
                    version->durable ? "" : " not durable", version->unknown ? " unknown" : "",
                    version->unreadable ? " unreadable" : "");
        }
    }
}

static void print_unit(const struct segment_header *header, const u8 *bytes, u64 position)
{
    struct segment_unit unit;
    if (segment_unit_decode(bytes, header->salt, header->life, &unit) == OK) {
        fprintf(stderr,
                "    unit %" PRIu64 " at %" PRIu64 ": write %" PRIu64 " from unit %" PRIu64
                ", offsets %" PRIu64 " + %u, %u bytes, crc %08x after %08x, times %" PRIu64
                " to %" PRIu64 "\n",
                unit.unit_number, position, unit.write_number, unit.write_first_unit,
                unit.base_offset, unit.messages_count, unit.batches_bytes, unit.control_crc,
                unit.previous_crc, unit.first_time_us, unit.last_time_us);
    }
}

static void print_segment(struct sim_disk *disk, struct sim_inode *inode)
{
    struct segment_header header;
    u8 *bytes = mem_take(inode->size + SEGMENT_HEADER_BYTES);
    for (u64 at = 0; at < inode->size; at += disk->sector_bytes) {
        u64 count = 0;
        enum status ignored = sim_disk_read(
            disk, inode, at, (struct sim_room){bytes + at, disk->sector_bytes}, &count);
        (void)ignored; /* unreadable ones stay zeros, and are told by print_sector_states */
    }
    if (segment_header_decode(bytes, &header) != OK) {
        fprintf(stderr, "    its header does not verify\n");
    } else {
        fprintf(stderr,
                "    life %" PRIu64 ", base %" PRIu64
                ", level %u, direct %u, recycled %u, first unit"
                " %" PRIu64 ", first write %" PRIu64 ", largest write %u, crc before %08x\n",
                header.life, header.base_offset, header.level, header.direct, header.recycled,
                header.first_unit, header.first_write, header.write_bytes_max, header.previous_crc);
        for (u64 at = SEGMENT_HEADER_BYTES; at + UNIT_CONTROL_BYTES <= inode->size;
             at += disk->sector_bytes) {
            print_unit(&header, bytes + at, at);
        }
    }
    mem_return(bytes);
}

void disk_story_print(struct sim_disk *disk, const char *part)
{
    list_for_each(node, next, &disk->inodes) {
        struct sim_inode *inode = container_of(node, struct sim_inode, node);
        char path[192];
        sim_disk_path(inode, path, sizeof(path));
        if (inode->is_directory || path[0] == 0 || strstr(path, part) == NULL) {
            continue;
        }
        fprintf(stderr, "  file %s, %" PRIu64 " bytes, %" PRIu64 " durable, %u sizes open\n", path,
                inode->size, inode->size_durable, inode->sizes_count);
        if (strstr(path, ".log") != NULL && strncmp(path, "streams/", 8) == 0) {
            print_segment(disk, inode);
        }
        print_sector_states(disk, inode);
    }
}
