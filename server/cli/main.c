/* The tidemark command. */
#include "server/cli/command.h"

int main(int argc, char **argv)
{
    return command_main(command_all(), argc, argv);
}
